import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { type Headings, LightfieldClient, ok, VERSION } from '../../../test/lightfield-client.ts'
import { sendRaw } from '../../../test/raw-http.ts'

let server: TestServer
let client: LightfieldClient

before(async () => {
  server = await TestServer.start()
  client = new LightfieldClient(server)
})
after(() => server.stop())

const json = { 'content-type': 'application/json' }

/** The ways in which SDKs say nothing. */
const shapes: Record<string, readonly [body: string | undefined, headers: Headings]> = {
  'no body and no content type': [undefined, {}],
  'no body, declared as JSON': [undefined, json],
  'no body, declared as a form': [undefined, { 'content-type': 'application/x-www-form-urlencoded' }],
  'an empty body, declared as JSON': ['', json],
  'an empty body without a content type': ['', {}],
  'an empty object': ['{}', json],
  'an empty object with spaces around': [' \r\n{ }\n', json],
  'an empty object and a charset': ['{}', { 'content-type': 'application/json; charset=utf-8' }],
  'an empty object and a type in capitals': ['{}', { 'content-type': 'Application/JSON;Charset=UTF-8' }],
  'the headers of a Python client': [
    undefined,
    { ...json, accept: 'application/json', 'x-stainless-async': 'false', 'x-stainless-read-timeout': '60' },
  ],
}

for (const [name, [body, headers]] of Object.entries(shapes)) {
  test(`cancel and complete take ${name}`, async () => {
    const upload = await client.staged()
    const completed = await client.send<{ status: string }>(
      'POST',
      `/v1/files/${upload.id}/complete`,
      body,
      headers,
    )
    assert.equal(ok(completed).status, 'COMPLETED')
    const { id } = await client.pending()
    const cancelled = await client.send<{ status: string }>('POST', `/v1/files/${id}/cancel`, body, headers)
    assert.equal(ok(cancelled).status, 'CANCELLED')
  })
}

const chunked = 'transfer-encoding: chunked\r\n'

/** Rests of requests that `fetch` never sends: without any length, or with chunks. */
const rawShapes: Record<string, string> = {
  'neither a length nor a content type': '\r\n',
  'a content type and no length': 'content-type: application/json\r\n\r\n',
  'a chunked body that is empty, declared as JSON': `${chunked}content-type: application/json\r\n\r\n0\r\n\r\n`,
  'a chunked body that is empty, without a content type': `${chunked}\r\n0\r\n\r\n`,
  'an empty object in two chunks': `${chunked}content-type: application/json\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n`,
}

for (const [name, rest] of Object.entries(rawShapes)) {
  test(`cancel and complete take ${name}`, async () => {
    const { host } = new URL(server.url)
    const post = async (path: string) => {
      const head = [
        `POST /lightfield${path} HTTP/1.1`,
        `host: ${host}`,
        `authorization: Bearer ${server.key}`,
        `lightfield-version: ${VERSION}`,
      ]
      return sendRaw(server.url, `${head.join('\r\n')}\r\n${rest}`)
    }
    const { id } = await client.staged()
    assert.equal((await post(`/v1/files/${id}/complete`)).status, 200)
    assert.equal((await post(`/v1/files/${(await client.pending()).id}/cancel`)).status, 200)
  })
}

test('create asks for its fields when there is no body', async () => {
  for (const headers of [{}, json]) {
    const { status, error } = await client.send('POST', '/v1/files', undefined, headers)
    assert.equal(status, 400)
    assert.equal(error.code, 'parameter_missing')
  }
})

test('the last of two equal fields counts', async () => {
  const body = '{"filename":"a","filename":"b","mimeType":"t","sizeBytes":1}'
  assert.equal(ok(await client.send<{ filename: string }>('POST', '/v1/files', body, json)).filename, 'b')
})

test('a body may begin with a byte order mark', async () => {
  const body = '\ufeff{"filename":"a","mimeType":"t","sizeBytes":1}'
  assert.equal((await client.send('POST', '/v1/files', body, json)).status, 200)
})

test('reads that carry a body answer as if they did not', async () => {
  const { id } = await client.pending()
  const head = `GET /lightfield/v1/files/${id} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${server.key}`
  const text = `${head}\r\nlightfield-version: ${VERSION}\r\ncontent-length: 3\r\n\r\n{"a`
  assert.equal((await sendRaw(server.url, text)).status, 200)
})
