import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../../test/harness.ts'
import { sendRaw } from '../../../../test/raw-http.ts'

/*
 * What `llama-cloud` 0.1.0, 0.1.20 and 0.1.46 and the `FileClient` of `llama-cloud-services` 0.6.94 put on the wire (Python
 * 3.11, httpx 0.28.1), as recorded from the socket. Only host, key, ids and links stand for others.
 */

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

const HTTPX =
  'Accept: */*\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nUser-Agent: python-httpx/0.28.1\r\n'
const FERN = 'X-Fern-Language: Python\r\nAuthorization: Bearer KEY\r\n'
const FORM =
  'Content-Length: 179\r\nContent-Type: multipart/form-data; boundary=cbd0af9e8fd58e4f23b4f536b42aeb34\r\n\r\n' +
  '--cbd0af9e8fd58e4f23b4f536b42aeb34\r\nContent-Disposition: form-data; name="upload_file"; filename="n.txt"\r\n' +
  'Content-Type: text/plain\r\n\r\nhello\r\n--cbd0af9e8fd58e4f23b4f536b42aeb34--\r\n'

const recorded = {
  uploadFile: `POST /api/v1/files HTTP/1.1\r\nHost: HOST\r\n${HTTPX}${FERN}${FORM}`,
  uploadWithExternalId: `POST /api/v1/files?external_file_id=notes%2Fn.txt HTTP/1.1\r\nHost: HOST\r\n${HTTPX}${FERN}${FORM}`,
  generatePresignedUrl: `PUT /api/v1/files HTTP/1.1\r\nHost: HOST\r\n${HTTPX}${FERN}Content-Length: 16\r\nContent-Type: application/json\r\n\r\n{"name":"p.txt"}`,
  presignWithSize: `PUT /api/v1/files HTTP/1.1\r\nHost: HOST\r\n${HTTPX}${FERN}Content-Length: 69\r\nContent-Type: application/json\r\n\r\n{"name":"notes/n.txt","external_file_id":"notes/n.txt","file_size":5}`,
  putBytes: `PUT LINK HTTP/1.1\r\nHost: HOST\r\n${HTTPX}Content-Length: 5\r\n\r\nhello`,
  getFile: `GET /api/v1/files/ID HTTP/1.1\r\nHost: HOST\r\n${HTTPX}${FERN}\r\n`,
  readFileContent: `GET /api/v1/files/ID/content HTTP/1.1\r\nHost: HOST\r\n${HTTPX}${FERN}\r\n`,
  getBytes: `GET LINK HTTP/1.1\r\nHost: HOST\r\n${HTTPX}\r\n`,
  listFiles: `GET /api/v1/files HTTP/1.1\r\nHost: HOST\r\n${HTTPX}${FERN}\r\n`,
  syncFiles: `PUT /api/v1/files/sync HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n${HTTPX}${FERN}\r\n`,
  listPageScreenshots: `GET /api/v1/files/ID/page_screenshots HTTP/1.1\r\nHost: HOST\r\n${HTTPX}${FERN}\r\n`,
  listPagesFigures: `GET /api/v1/files/ID/page-figures HTTP/1.1\r\nHost: HOST\r\n${HTTPX}${FERN}\r\n`,
  uploadFileFromUrl: `PUT /api/v1/files/upload_from_url HTTP/1.1\r\nHost: HOST\r\n${HTTPX}${FERN}Content-Length: 34\r\nContent-Type: application/json\r\n\r\n{"url":"http://127.0.0.1:1/x.txt"}`,
  deleteFile: `DELETE /api/v1/files/ID HTTP/1.1\r\nHost: HOST\r\n${HTTPX}${FERN}\r\n`,
} as const

interface Given {
  readonly id?: string
  readonly link?: string
}

async function replay(name: keyof typeof recorded, { id = '', link = '' }: Given = {}) {
  const { host } = new URL(server.url)
  const text = recorded[name]
    .replace('HOST', host)
    .replace('KEY', server.key)
    .replace('/ID', `/${id}`)
    .replace('LINK', link === '' ? '' : new URL(link).pathname)
  return sendRaw(server.url, text)
}

/** The JSON of a success; the clients take any status of 2xx. */
async function answerTo<T>(name: keyof typeof recorded, given: Given = {}): Promise<T> {
  const { status, body, headers } = await replay(name, given)
  assert.equal(status, 200, body)
  assert.match(headers.get('content-type') ?? '', /^application\/json/)
  return JSON.parse(body)
}

interface File {
  readonly id: string
  readonly name: string
  readonly external_file_id: string
  readonly file_size: number | null
}

interface Url {
  readonly file_id: string
  readonly url: string
}

/** Fields that each client's model asks for, and what it takes for them (0.1.20 takes no null for `external_file_id`). */
const fields: Readonly<Record<string, RegExp>> = {
  id: /^"[0-9a-f-]{36}"$/,
  created_at: /^"\d{4}-\d\d-\d\dT[\d:.]+Z"$/,
  updated_at: /^"\d{4}-\d\d-\d\dT[\d:.]+Z"$/,
  name: /^".+"$/,
  external_file_id: /^".*"$/,
  file_size: /^(\d+|null)$/,
  file_type: /^"txt"$/,
  project_id: /^"[0-9a-f-]{36}"$/,
  last_modified_at: /^(null|"\d{4}-\d\d-\d\dT[\d:.]+Z")$/,
  resource_info: /^null$/,
  permission_info: /^null$/,
  data_source_id: /^null$/,
  expires_at: /^null$/,
  purpose: /^null$/,
}

function assertFile(file: File): void {
  assert.deepEqual(Object.keys(file).sort(), Object.keys(fields).sort())
  for (const [name, value] of Object.entries(file))
    assert.match(JSON.stringify(value), fields[name] ?? /(?!)/, name)
}

test('a file goes in with upload_file and comes back by read_file_content', async () => {
  const file = await answerTo<File>('uploadFile')
  assertFile(file)
  assert.deepEqual([file.name, file.external_file_id, file.file_size], ['n.txt', '', 5])
  assert.deepEqual(await answerTo('getFile', file), file)
  const { url } = await answerTo<Url>('readFileContent', file)
  assert.equal((await replay('getBytes', { link: url })).body, 'hello')
})

test('what FileClient uploads, with and without presigned URLs, keeps its name and external id', async () => {
  const sent = await answerTo<File>('uploadWithExternalId')
  const { url, file_id: id, ...rest } = await answerTo<Url>('presignWithSize')
  assert.deepEqual(Object.keys(rest).sort(), ['expires_at', 'form_fields'])
  const put = await replay('putBytes', { link: url })
  assert.deepEqual([put.status, put.body], [200, ''])
  const presigned = await answerTo<File>('getFile', { id })
  for (const file of [sent, presigned]) {
    assertFile(file)
    assert.deepEqual([file.name, file.external_file_id, file.file_size], ['n.txt', 'notes/n.txt', 5])
  }
  const content = await answerTo<Url>('readFileContent', { id })
  assert.equal((await replay('getBytes', { link: content.url })).body, 'hello')
})

test('a file is there once its bytes were put on a presigned URL, for list_files and sync_files too', async () => {
  const { url, file_id: id } = await answerTo<Url>('generatePresignedUrl')
  const waiting = await answerTo<File>('getFile', { id })
  assertFile(waiting)
  assert.equal(waiting.file_size, null)
  assert.equal((await replay('putBytes', { link: url })).status, 200)
  const file = await answerTo<File>('getFile', { id })
  assert.equal(file.file_size, 5)
  for (const list of ['listFiles', 'syncFiles'] as const)
    assert.deepEqual(
      (await answerTo<File[]>(list)).find((each) => each.id === id),
      file,
    )
})

test('delete_file answers without a body, and the file is not found afterwards', async () => {
  const file = await answerTo<File>('uploadFile')
  const deleted = await replay('deleteFile', file)
  assert.deepEqual([deleted.status, deleted.body], [204, ''])
  for (const name of ['getFile', 'readFileContent', 'deleteFile'] as const) {
    const { status, body } = await replay(name, file)
    assert.deepEqual([status, JSON.parse(body)], [404, { detail: 'File not found' }])
  }
})

test('pictures of pages, which parsing makes, are not found', async () => {
  const file = await answerTo<File>('uploadFile')
  for (const name of ['listPageScreenshots', 'listPagesFigures'] as const)
    assert.deepEqual(JSON.parse((await replay(name, file)).body), { detail: 'Not Found' })
})

test('an id that is none is told as the clients read it', async () => {
  const { status, body } = await replay('getFile', { id: 'abc' })
  const problem = { type: 'uuid_parsing', loc: ['path', 'file_id'], msg: 'Input should be a valid UUID' }
  assert.deepEqual([status, JSON.parse(body)], [422, { detail: [{ ...problem, input: 'abc' }] }])
})

test('upload_file_from_url is told that the operator has not allowed it', async () => {
  const { status, body } = await replay('uploadFileFromUrl')
  assert.equal(status, 403)
  assert.match(JSON.parse(body).detail, /ENTREPOT_LLAMACLOUD_UPLOAD_FROM_URL/)
})
