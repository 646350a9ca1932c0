import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { TestServer } from '../../../test/harness.ts'
import { FILES, formOf, LlamaCloudClient, problemsOf } from '../../../test/llamacloud-client.ts'
import { RawConnection, readAnswer } from '../../../test/raw-http.ts'
import type { FileBody } from './wire.ts'

const CONTENT = Buffer.from('%PDF-1.7 \u0000 invoice \r\n--not-a-boundary\r\n')
/** As curl 7 and 8 make it. */
const CURL_BOUNDARY = '------------------------d74496d66958873e'

const run = promisify(execFile)
let server: TestServer
let client: LlamaCloudClient
let folder: string

before(async () => {
  server = await TestServer.start()
  client = new LlamaCloudClient(server)
  folder = await mkdtemp(join(tmpdir(), 'entrepot-curl-'))
})
after(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Why curl itself cannot be run here, if it cannot. */
function withoutCurl(): string | false {
  try {
    execFileSync('curl', ['--version'], { stdio: 'ignore' })
    return false
  } catch {
    return 'curl is not installed'
  }
}

function inHours(hours: number): string {
  return new Date(server.clock.now() + hours * 3_600_000).toISOString()
}

/** The fields that the vendor's create page documents, with all that is known of a file sent this way. */
function assertDocumented(
  body: FileBody,
  name: string,
  fileType: string | null,
  { purpose = 'parse', expires_at = inHours(48) as string | null } = {},
): void {
  assert.deepEqual(body, {
    id: body.id,
    name,
    project_id: body.project_id,
    download_url: { expires_at: inHours(1), url: body.download_url?.url, form_fields: null },
    expires_at,
    external_file_id: null,
    file_type: fileType,
    last_modified_at: new Date(server.clock.now()).toISOString(),
    purpose,
  })
  assert.match(body.id, /^dfl-[0-9a-f-]{36}$/)
  assert.match(body.project_id, /^[0-9a-f-]{36}$/)
}

async function assertStored({ download_url }: FileBody, content: Uint8Array): Promise<void> {
  const response = await fetch(download_url?.url ?? '')
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from(content))
}

/** What `curl -F 'file=@/path/to/file' -F purpose=parse` sends as its body. */
function curlForm(filename: string, type: string, content: Uint8Array = CONTENT, purpose = 'parse'): Buffer {
  const parts = [
    { name: 'file', filename, type, content },
    { name: 'purpose', content: purpose },
  ]
  return formOf(parts, CURL_BOUNDARY)
}

for (const [filename, type, fileType] of [
  ['file', 'application/octet-stream', null],
  ['invoice.pdf', 'application/pdf', 'pdf'],
  ['data.xyz123', 'application/octet-stream', 'xyz123'],
] as const) {
  test(`the very bytes that curl sends for ${filename} make the documented file`, async () => {
    const headers = { accept: '*/*', 'content-type': `multipart/form-data; boundary=${CURL_BOUNDARY}` }
    const answer = await client.sendForm(curlForm(filename, type), headers)
    assert.equal(answer.status, 201, answer.text)
    assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8')
    assertDocumented(answer.body, filename, fileType ?? (filename === 'file' ? 'pdf' : null))
    await assertStored(answer.body, CONTENT)
  })
}

test('the very bytes of the printed command, whose purpose is the word purpose, make a file that is kept', async () => {
  const headers = { 'content-type': `multipart/form-data; boundary=${CURL_BOUNDARY}` }
  const form = curlForm('file', 'application/octet-stream', CONTENT, 'purpose')
  const { status, body } = await client.sendForm(form, headers)
  assert.equal(status, 201)
  assertDocumented(body, 'file', 'pdf', { purpose: 'purpose', expires_at: null })
})

test('a purpose that nobody documents is refused', async () => {
  const headers = { 'content-type': `multipart/form-data; boundary=${CURL_BOUNDARY}` }
  const form = curlForm('file', 'application/octet-stream', CONTENT, 'purposes')
  const refused = await client.sendForm(form, headers)
  assert.deepEqual([refused.status, problemsOf(refused)], [422, ['body.purpose enum']])
})

test('a form that waits for 100 Continue is told to go on, then made a file', async (t) => {
  const body = curlForm('file', 'application/octet-stream')
  const connection = await RawConnection.open(server.url)
  t.after(() => connection.end())
  const head = [
    `POST ${FILES} HTTP/1.1`,
    `Host: ${new URL(server.url).host}`,
    `Authorization: Bearer ${server.key}`,
    `Content-Length: ${body.length}`,
    `Content-Type: multipart/form-data; boundary=${CURL_BOUNDARY}`,
    'Expect: 100-continue',
  ]
  connection.write(`${head.join('\r\n')}\r\n\r\n`)
  assert.match(await connection.until(/\r\n\r\n/), /^HTTP\/1\.1 100 Continue\r\n/)
  connection.write(body)
  const text = (await connection.until(/\r\n\r\n.*\r\n\r\n.*\}$/s)).replace(/^.*?\r\n\r\n/s, '')
  const answer = readAnswer(text)
  assert.equal(answer.status, 201)
  assertDocumented(JSON.parse(answer.body), 'file', 'pdf')
})

test('a form that may not come in is refused instead of told to go on', async (t) => {
  for (const [wrong, status] of [
    ['Authorization: Bearer nobody', 401],
    [`Authorization: Bearer ${server.key}\r\nContent-Length: 10000000000`, 413],
  ] as const) {
    const connection = await RawConnection.open(server.url)
    t.after(() => connection.end())
    const type = `Content-Type: multipart/form-data; boundary=x`
    const length = wrong.includes('Length') ? '' : 'Content-Length: 1000\r\n'
    connection.write(
      `POST ${FILES} HTTP/1.1\r\nHost: x\r\n${wrong}\r\n${length}${type}\r\nExpect: 100-continue\r\n\r\n`,
    )
    assert.equal(readAnswer(await connection.until(/\r\n\r\n/)).status, status)
  }
})

const reason = withoutCurl()

async function curl(...args: readonly string[]): Promise<{ status: string; body: FileBody }> {
  const common = [
    '-sS',
    '--noproxy',
    '*',
    '-w',
    '\n%{http_code}',
    '-H',
    `Authorization: Bearer ${server.key}`,
  ]
  const { stdout } = await run('curl', [...common, ...args])
  const [text = '', status = ''] = stdout.split('\n')
  return { status, body: JSON.parse(text) }
}

test('the documented command works as printed', { skip: reason }, async () => {
  const path = join(folder, 'file')
  await writeFile(path, CONTENT)
  // The vendor's page sets the content type by hand; curl adds the boundary to it.
  const type = ['-H', 'Content-Type: multipart/form-data']
  const { status, body } = await curl(
    server.url + FILES,
    ...type,
    '-F',
    `file=@${path}`,
    '-F',
    // Its purpose is the very word.
    'purpose=purpose',
  )
  assert.equal(status, '201')
  assertDocumented(body, 'file', 'pdf', { purpose: 'purpose', expires_at: null })
  await assertStored(body, CONTENT)
})

test('curl sends large files, after 100 Continue, and chunked', { skip: reason }, async () => {
  const content = Buffer.alloc(3 * 1024 * 1024, 'large ')
  const path = join(folder, 'lärge 50%22 100%0A.bin')
  await writeFile(path, content)
  for (const header of ['Expect: 100-continue', 'Transfer-Encoding: chunked']) {
    const form = ['-H', header, '-F', `file=@${path}`, '-F', 'purpose=parse']
    const { status, body } = await curl(server.url + FILES, ...form)
    assert.equal(status, '201')
    assertDocumented(body, 'lärge 50%22 100%0A.bin', 'bin')
    await assertStored(body, content)
  }
})
