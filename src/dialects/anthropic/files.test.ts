import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  ANTHROPIC_FILES,
  AnthropicClient,
  FILES_BETA,
  MANAGED_AGENTS,
  refusalOf,
} from '../../../test/anthropic-client.ts'
import { TestServer } from '../../../test/harness.ts'
import { assertKeeps, BOUNDARY, filePart } from '../../../test/llamacloud-client.ts'
import { sendRaw } from '../../../test/raw-http.ts'
import { runJobs } from '../../../test/run-jobs.ts'

let server: TestServer
let client: AnthropicClient

before(async () => {
  server = await TestServer.start()
  client = new AnthropicClient(server)
})
after(() => server.stop())

test('a file is printed with every field of the general shape', async () => {
  const file = await client.stored('hello', 'notes.txt')
  assert.match(file.id, /^file_[0-9a-f]{32}$/)
  assert.deepEqual(file, {
    type: 'file',
    id: file.id,
    filename: 'notes.txt',
    mime_type: 'text/plain',
    size_bytes: 5,
    created_at: '2026-04-08T12:00:00.000000Z',
    downloadable: true,
    expires_at: null,
  })
  assert.deepEqual((await client.get(`/${file.id}`)).body, file)
})

test('the beta has no expires_at, and managed agents see a scope', async () => {
  const { expires_at: expiresAt, ...file } = await client.stored('x', 'x.txt', { expires_in_seconds: '3600' })
  assert.equal(expiresAt, '2026-04-08T13:00:00.000000Z')
  const bodyWith = async (headers: Record<string, string>) =>
    (await client.get(`/${file.id}?beta=true`, headers)).body
  assert.deepEqual(await bodyWith(FILES_BETA), file)
  const general = { ...file, expires_at: expiresAt }
  assert.deepEqual(await bodyWith(MANAGED_AGENTS), { ...general, scope: null })
  // Whole items of the list decide, in any order, and the beta of files comes before that of agents.
  const lists: readonly (readonly [string, object])[] = [
    ['managed-agents-2026-04-01,files-api-2025-04-14', file],
    ['x, files-api-2025-04-14 ,y', file],
    ['files-api-2025-04-144', general],
    ['xfiles-api-2025-04-14', general],
    ['managed-agents-2026-09-01', general],
    ['', general],
  ]
  for (const [betas, body] of lists)
    assert.deepEqual(await bodyWith({ 'anthropic-beta': betas }), body, betas)
})

/** The name sent, and the name kept. */
const names: readonly (readonly [string, string])[] = [
  ['отчёт 第3四半期 📄.pdf', 'отчёт 第3四半期 📄.pdf'],
  ['a/b\\c/report.txt', 'report.txt'],
  ['../../etc/passwd', 'passwd'],
  ['C:\\Users\\me\\plan.docx', 'plan.docx'],
  ['a:b<c>d|e?f*.txt', 'a:b<c>d|e?f*.txt'],
  ['%0D%0A100%25.txt', '%0D%0A100%25.txt'],
  ['tab\tand\u0001\u007f\u0085.txt', 'taband.txt'],
  ['ü'.repeat(500), 'ü'.repeat(500)],
]
for (const [sent, kept] of names) {
  test(`a file named ${JSON.stringify(sent.slice(0, 40))} is called ${JSON.stringify(kept.slice(0, 40))}`, async () => {
    const file = await client.stored('hello', sent)
    assert.equal(file.filename, kept)
    const { headers } = await client.get(`/${file.id}/content`)
    assert.match(headers.get('content-disposition') ?? '', /^attachment; filename="/)
  })
}

test('a name of more than 500 characters is refused, and nothing of the file stays', async () => {
  const other = await TestServer.start()
  try {
    const answer = await new AnthropicClient(other).upload([filePart('hello', `${'📄'.repeat(501)}`)])
    const { status, type, message } = refusalOf(answer)
    assert.deepEqual([status, type], [400, 'invalid_request_error'])
    assert.match(message, /^filename: .*500/)
    await assertKeeps(other, 0)
  } finally {
    await other.stop()
  }
})

/** What a part says of itself, and how its file is called. */
const nameless: readonly (readonly [
  filename: string | undefined,
  type: string | undefined,
  content: string,
  name: string,
  mimeType: string,
])[] = [
  [undefined, 'application/pdf', 'x', 'unnamed.pdf', 'application/pdf'],
  ['', 'text/csv', 'a,b', 'unnamed.csv', 'text/csv'],
  ['folder/', 'image/png', 'x', 'unnamed.png', 'image/png'],
  ['\u0001', 'application/json', '{}', 'unnamed.json', 'application/json'],
  [undefined, 'application/octet-stream', '%PDF-1.7\n', 'unnamed.pdf', 'application/pdf'],
  [undefined, undefined, '\u0000\u0001\u0002', 'unnamed', 'application/octet-stream'],
  ['page.html', undefined, 'x', 'page.html', 'text/html'],
]
for (const [filename, type, content, name, mimeType] of nameless) {
  test(`a part ${JSON.stringify(filename)} of type ${type} becomes ${name}`, async () => {
    const part = { name: 'file', content, ...(type && { type }), ...(filename !== undefined && { filename }) }
    const { body, text } = await client.upload([part])
    assert.deepEqual([body.filename, body.mime_type], [name, mimeType], text)
    const answer = await client.get(`/${body.id}/content`)
    assert.equal(answer.text, content)
    assert.equal(answer.headers.get('content-type'), mimeType)
    assert.match(answer.headers.get('content-disposition') ?? '', new RegExp(`filename="${name}"`))
  })
}

test('a part called file is bytes, with a filename or without', async () => {
  const content = Buffer.from([0, 13, 10, 45, 45, 255, 254, 13, 10, 13, 10, 0])
  const { body } = await client.upload([{ name: 'file', type: 'application/octet-stream', content }])
  const response = await fetch(`${server.url}/anthropic${ANTHROPIC_FILES}/${body.id}/content`, {
    headers: { authorization: `Bearer ${server.key}` },
  })
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), content)
})

test('a lifetime is read, also if its part has a filename', async () => {
  const lifetime = { name: 'expires_in_seconds', filename: 'blob' }
  const upload = (content: string) => client.upload([filePart(), { ...lifetime, content }])
  assert.equal((await upload('3600')).body.expires_at, '2026-04-08T13:00:00.000000Z')
  assert.equal((await upload('1')).status, 400)
})

test('an empty file is a file', async () => {
  const file = await client.stored('', 'empty.txt')
  assert.equal(file.size_bytes, 0)
  const { status, text } = await client.get(`/${file.id}/content`)
  assert.deepEqual([status, text], [200, ''])
})

test('expires_in_seconds is an hour to ninety days, before the file or behind it, empty or absent for good', async () => {
  const upload = async (seconds: string, isFirst: boolean) => {
    const field = { name: 'expires_in_seconds', content: seconds }
    return client.upload(isFirst ? [field, filePart()] : [filePart(), field])
  }
  const ends: readonly (readonly [string, string | null])[] = [
    ['3600', '2026-04-08T13:00:00.000000Z'],
    ['7776000', '2026-07-07T12:00:00.000000Z'],
    ['', null],
  ]
  for (const [seconds, end] of ends)
    for (const isFirst of [true, false])
      assert.equal((await upload(seconds, isFirst)).body.expires_at, end, seconds)
  for (const seconds of ['3599', '7776001', '0', '-1', '3600.5', '1e4', 'NOT_GIVEN', ' 3600', 'null']) {
    const { status, type, message } = refusalOf(await upload(seconds, true))
    assert.deepEqual([status, type], [400, 'invalid_request_error'], seconds)
    assert.equal(message, 'expires_in_seconds: must be between 3600 and 7776000')
  }
})

test('a deleted file is gone everywhere, and the second delete is 404', async () => {
  const { id } = await client.stored()
  const { status, body } = await client.delete(id)
  assert.deepEqual([status, body], [200, { id, type: 'file_deleted' }])
  for (const answer of [
    await client.delete(id),
    await client.get(`/${id}`),
    await client.get(`/${id}/content`),
  ]) {
    const refusal = refusalOf(answer)
    assert.deepEqual(refusal, {
      status: 404,
      type: 'not_found_error',
      code: undefined,
      message: `File \`${id}\` not found.`,
    })
  }
  assert.ok((await client.list('?limit=1000')).data.every((file) => file.id !== id))
})

test('a DELETE as Python sends it, JSON declared and no body, deletes', async () => {
  const { id } = await client.stored()
  const head = [
    `DELETE ${ANTHROPIC_FILES}/${id} HTTP/1.1`,
    'Host: x',
    `Authorization: Bearer ${server.key}`,
    'anthropic-version: 2026-10-21',
    'x-stainless-timeout: NOT_GIVEN',
    'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'Content-Type: application/json',
    'Connection: close',
  ]
  const { status, body } = await sendRaw(server.url, `${head.join('\r\n')}\r\n\r\n`)
  assert.deepEqual([status, JSON.parse(body)], [200, { id, type: 'file_deleted' }])
})

test('an expired file is gone, and its content says that it has expired while that is known', async () => {
  const own = await TestServer.start()
  try {
    const mine = new AnthropicClient(own)
    const { id } = await mine.stored('x', 'x.txt', { expires_in_seconds: '3600' })
    own.clock.advance({ seconds: 3599 })
    assert.equal((await mine.get(`/${id}/content`)).status, 200)
    own.clock.advance({ seconds: 1 })
    const content = refusalOf(await mine.get(`/${id}/content`))
    const message = `File \`${id}\` has expired.`
    assert.deepEqual(content, { status: 404, type: 'not_found_error', code: 'file_expired', message })
    for (const answer of [await mine.get(`/${id}`), await mine.delete(id)])
      assert.equal(refusalOf(answer).message, `File \`${id}\` not found.`)
    assert.deepEqual((await mine.list()).data, [])
    await runJobs(own)
    assert.deepEqual(refusalOf(await mine.get(`/${id}/content`)), content)
    // One that was deleted before its end is not.
    const { id: deleted } = await mine.stored('x', 'x.txt', { expires_in_seconds: '3600' })
    await mine.delete(deleted)
    own.clock.advance({ hours: 2 })
    assert.equal(refusalOf(await mine.get(`/${deleted}/content`)).code, undefined)
    // Nobody else learns that it was there.
    const { key } = await own.newTenant('other')
    const foreign = refusalOf(await new AnthropicClient(own, key).get(`/${id}/content`))
    assert.equal(foreign.code, undefined)
  } finally {
    await own.stop()
  }
})

test('content is sent whole, in ranges, and not again if it is known', async () => {
  const { id } = await client.stored('0123456789', 'digits.txt')
  const part = await client.get(`/${id}/content`, { range: 'bytes=2-4' })
  assert.deepEqual([part.status, part.text], [206, '234'])
  const beyond = refusalOf(await client.get(`/${id}/content`, { range: 'bytes=10-' }))
  assert.deepEqual([beyond.status, beyond.type], [416, 'invalid_request_error'])
  const etag = part.headers.get('etag') ?? ''
  assert.equal((await client.get(`/${id}/content`, { 'if-none-match': etag })).status, 304)
  const head = await client.send('HEAD', `${ANTHROPIC_FILES}/${id}/content`)
  assert.deepEqual([head.status, head.headers.get('content-length'), head.text], [200, '10', ''])
})

test('a form in pieces of one byte is received like any other', async () => {
  const form = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"\r\n\r\nhi\r\n--${BOUNDARY}--\r\n`
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of Buffer.from(form)) controller.enqueue(Uint8Array.of(byte))
      controller.close()
    },
  })
  const headers = { 'x-api-key': server.key, 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }
  const init = { method: 'POST', body, headers, duplex: 'half' } as RequestInit
  const answer = await fetch(server.url + ANTHROPIC_FILES, init)
  assert.equal(((await answer.json()) as { size_bytes: number }).size_bytes, 2)
})
