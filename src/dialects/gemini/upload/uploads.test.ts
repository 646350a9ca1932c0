import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { command, GeminiClient, type UploadBody } from '../../../../test/gemini-client.ts'
import { TestServer } from '../../../../test/harness.ts'
import { LightfieldClient, ok } from '../../../../test/lightfield-client.ts'
import { linkToken } from '../../../../test/link-token.ts'
import { RawConnection } from '../../../../test/raw-http.ts'
import { until } from '../../../../test/until.ts'
import { setQuota, settledUsage } from '../../../../test/usage.ts'

let server: TestServer
let client: GeminiClient

before(async () => {
  server = await TestServer.start()
  client = new GeminiClient(server)
})
after(() => server.stop())

const statusOf = async (url: string) => (await command(url, 'query')).state

test('an upload in pieces is seen once it is finalized, and not before', async () => {
  const url = await client.started(10, { mimeType: 'text/x-own', displayName: 'a.txt', name: 'in-pieces' })
  const seen = async () => (await client.get('/v1/files/in-pieces')).status
  for (const [offset, bytes] of [
    [0, 'hel'],
    [3, 'lo'],
    [5, 'world'],
  ] as const) {
    const answer = await command(url, 'upload', bytes, offset)
    const { status, state, received, text } = answer
    assert.deepEqual([status, state, received, text], [200, 'active', offset + bytes.length, ''])
    const query = await command(url, 'query')
    assert.deepEqual([query.state, query.received, query.text], ['active', offset + bytes.length, ''])
    assert.equal(await seen(), 403)
  }
  const { status, state, body } = await command(url, 'finalize')
  assert.deepEqual([status, state, body.file.name], [200, 'final', 'files/in-pieces'])
  assert.equal(body.file.mimeType, 'text/x-own')
  assert.equal(await client.content(body.file.name), 'helloworld')
  assert.equal(await seen(), 200)
})

test('a start answers with a URL that is its own credential', async () => {
  const { status, text, headers } = await client.start({ mimeType: 'text/plain', sizeBytes: '5' })
  assert.deepEqual([status, text], [200, ''])
  assert.equal(headers.get('x-goog-upload-status'), 'active')
  assert.equal(headers.get('x-goog-upload-chunk-granularity'), '8388608')
  const url = headers.get('x-goog-upload-url') ?? ''
  assert.equal(headers.get('x-goog-upload-control-url'), url)
  assert.ok(url.startsWith(`${server.url}/upload/v1beta/files?upload_id=`))
  assert.ok(url.endsWith('&upload_protocol=resumable'))
  assert.equal((await command(url, 'upload, finalize', 'hello')).state, 'final')
})

for (const path of [
  '/upload/v1/files',
  '/upload/v1beta/files',
  '/upload/files',
  '/v1/upload/v1beta/files',
  '/v1beta/upload/v1beta/files',
  '/gemini/upload/v1/files',
  '/gemini/v1beta/upload/v1beta/files',
])
  test(`uploads start at ${path}, and go on there`, async () => {
    const { headers } = await client.start({ sizeBytes: 5 }, {}, path)
    const url = headers.get('x-goog-upload-url') ?? ''
    assert.ok(url.startsWith(`${server.url}${path}?`))
    const { body } = await command(url, 'upload, finalize', 'hello')
    const base = path.startsWith('/gemini') ? '/gemini' : ''
    const version = /^(\/gemini)?(\/upload)?\/v1\//.test(path) ? 'v1' : 'v1beta'
    assert.equal(body.file.uri, `${server.url}${base}/${version}/${body.file.name}`)
  })

test('JSON without any header of the protocol starts an upload', async () => {
  const none = { 'x-goog-upload-protocol': undefined, 'x-goog-upload-command': undefined }
  const file = { mimeType: 'text/plain', sizeBytes: '5' }
  const { headers } = await client.start(file, none, '/v1beta/upload/v1beta/files')
  const { body } = await command(headers.get('x-goog-upload-url') ?? '', 'upload, finalize', 'hello')
  assert.deepEqual([body.file.mimeType, body.file.sizeBytes], ['text/plain', '5'])
})

test('commands are a set, in any order, case and spacing', async () => {
  for (const text of ['upload, finalize', 'FINALIZE,Upload', ' upload ,, finalize,upload '])
    assert.equal((await command(await client.started(5), text, 'hello')).state, 'final', text)
  for (const text of [
    '',
    'start',
    'upload, query',
    'finalise',
    'upload finalize',
    'start, upload, finalize',
  ]) {
    const url = await client.started(5)
    const { status, state, received, body } = await command(url, text, 'hello')
    assert.deepEqual([status, state, received], [400, 'active', 0], text)
    assert.equal(body.error.status, 'INVALID_ARGUMENT')
    assert.equal((await command(url, 'upload, finalize', 'hello')).state, 'final')
  }
  const lost = await client.start({}, { 'x-goog-upload-command': 'upload' })
  assert.equal(lost.status, 400)
})

test('a PUT on the URL of an upload does what a POST does', async () => {
  const url = await client.started(5)
  const headers = { 'x-goog-upload-command': 'upload, finalize', 'x-goog-upload-offset': '0' }
  const answer = await fetch(url, { method: 'PUT', headers, body: 'hello' })
  assert.deepEqual([answer.status, answer.headers.get('x-goog-upload-status')], [200, 'final'])
})

test('whatever else is asked of the URL of an upload is refused, and told how the upload stands', async () => {
  const stored = await client.started(5)
  await command(stored, 'upload, finalize', 'hello')
  const begun = await client.started(5)
  await command(begun, 'upload', 'he', 0)
  for (const method of ['GET', 'HEAD', 'PATCH', 'DELETE'])
    for (const [url, status, state, received] of [
      [begun, 405, 'active', '2'],
      [stored, 405, 'final', null],
      [`${server.url}/upload/v1/files?upload_id=x`, 404, 'cancelled', null],
    ] as const) {
      const answer = await fetch(url, { method })
      const told = ['status', 'size-received'].map((name) => answer.headers.get(`x-goog-upload-${name}`))
      assert.deepEqual([answer.status, ...told], [status, state, received], `${method} ${url}`)
      assert.equal(answer.headers.get('allow'), status === 405 ? 'POST, PUT' : null)
    }
  assert.equal((await command(begun, 'upload, finalize', 'llo', 2)).state, 'final')
})

test('of several requests with the last chunk at once each is told how the upload stands', async () => {
  for (let round = 0; round < 10; round++) {
    const url = await client.started(100_000)
    const bytes = randomBytes(100_000)
    await command(url, 'upload', bytes.subarray(0, 50_000), 0)
    const last = () => command(url, 'upload, finalize', bytes.subarray(50_000), 50_000)
    const answers = await Promise.all(Array.from({ length: 4 }, last))
    // Who was slower is told that it goes on elsewhere, or that another has finalized it.
    for (const { status, state } of answers)
      assert.ok(
        [200, 400].includes(status) && ['active', 'final'].includes(String(state)),
        `${status} ${state}`,
      )
    const { state, body } = await last()
    assert.equal(state, 'final')
    assert.equal(body.file.sha256Hash, hash('sha256', bytes, 'base64'))
  }
})

test('a finalize and a cancel at once have one outcome', async () => {
  for (let round = 0; round < 20; round++) {
    const before = await settledUsage(server)
    const url = await client.started(5)
    const [final, cancelled] = await Promise.all([
      command(url, 'upload, finalize', 'hello'),
      command(url, 'cancel'),
    ])
    const isStored = (await command(url, 'query')).state === 'final'
    const { files, bytes } = await settledUsage(server)
    const grown = { files: files - before.files, bytes: bytes - before.bytes }
    assert.deepEqual(grown, isStored ? { files: 1, bytes: 5 } : { files: 0, bytes: 0 })
    assert.equal(final.state, isStored ? 'final' : 'cancelled')
    assert.equal(cancelled.status, isStored ? 400 : 200)
  }
})

test('names of fields are read in both spellings, and sizes as text or number', async () => {
  const files = [
    { displayName: 'a.txt', mimeType: 'text/x-a', sizeBytes: '5' },
    { display_name: 'a.txt', mime_type: 'text/x-a', size_bytes: 5 },
    { displayName: 'a.txt', mime_type: 'text/x-a', sizeBytes: 5, unheardOf: [], uri: null, name: '' },
  ]
  for (const file of files) {
    const { headers } = await client.start(file, { 'content-type': 'text/plain' })
    const { body } = await command(headers.get('x-goog-upload-url') ?? '', 'upload, finalize', 'hello')
    assert.deepEqual([body.file.displayName, body.file.mimeType], ['a.txt', 'text/x-a'])
  }
})

test("the vendor's printed commands start uploads, though their JSON has single quotes", async () => {
  const start = { 'x-goog-upload-protocol': 'resumable', 'x-goog-upload-command': 'start' }
  const texts = [
    [`{'file': {'display_name': 'TEXT'}}`, 'TEXT'],
    [`{'file': {"displayName": 'it\\'s "5"', 'sizeBytes': 5}}`, `it's "5"`],
    [`{'file': {"displayName": "it's \\u00fc"}}`, "it's ü"],
  ] as const
  for (const [body, displayName] of texts) {
    const { headers, text } = await client.send('POST', '/upload/v1beta/files', body, start)
    const url = headers.get('x-goog-upload-url') ?? assert.fail(text)
    assert.equal((await command(url, 'upload, finalize', 'hello')).body.file.displayName, displayName)
  }
  for (const body of [`{'file': {'display_name': 'TEXT}}`, `{'__proto__': {}}`, `{'file: {}}`])
    assert.equal((await client.send('POST', '/upload/v1beta/files', body, start)).status, 400, body)
})

test('what the metadata must not be is refused', async () => {
  const wrong = [
    { displayName: 7 },
    { displayName: 'x'.repeat(513) },
    { displayName: 'a\0' },
    { displayName: 'a\nb' },
    { mimeType: {} },
    { sizeBytes: 'five' },
    { sizeBytes: -1 },
    { sizeBytes: 1.5 },
    { name: 'files/-a' },
    [],
    'x',
  ]
  for (const file of wrong) {
    const { status, body } = await client.start(file as object)
    assert.deepEqual([status, body.error.status], [400, 'INVALID_ARGUMENT'], JSON.stringify(file))
  }
  for (const body of ['[]', '"x"', '{', 'x'.repeat(10), Buffer.from([0x7b, 0xff])]) {
    const answer = await client.send<UploadBody>('POST', '/upload/v1/files', body)
    assert.equal(answer.status, 400)
  }
  const length = { 'x-goog-upload-header-content-length': 'x' }
  assert.equal((await client.start({}, length)).status, 400)
  assert.equal((await client.start({ displayName: 'x'.repeat(512), sizeBytes: 1 })).status, 200)
})

test('the name and the type are taken from the headers where the metadata has none, or from the content', async () => {
  const told = async (
    file: object,
    headers: Record<string, string>,
    content: string | Uint8Array = 'hello',
  ) => {
    const sizeBytes = Buffer.byteLength(content)
    const started = await client.start({ ...file, sizeBytes }, headers)
    const url = started.headers.get('x-goog-upload-url') ?? ''
    const { displayName, mimeType } = (await command(url, 'upload, finalize', content)).body.file
    return [displayName, mimeType]
  }
  const named = { 'x-goog-upload-file-name': 'r.pdf' }
  const typed = { 'x-goog-upload-header-content-type': 'text/x-b' }
  assert.deepEqual(await told({}, { ...named, ...typed }), ['r.pdf', 'text/x-b'])
  assert.deepEqual(await told({ displayName: 'd', mimeType: 'text/x-a' }, { ...named, ...typed }), [
    'd',
    'text/x-a',
  ])
  assert.deepEqual(await told({}, named), ['r.pdf', 'application/pdf'])
  assert.deepEqual(await told({ mimeType: 'application/octet-stream' }, {}, '%PDF-1.7\n'), [
    undefined,
    'application/pdf',
  ])
  const utf8 = Buffer.from('naïve.txt').toString('latin1')
  assert.deepEqual(await told({}, { 'x-goog-upload-file-name': utf8 }), ['naïve.txt', 'text/plain'])
  const latin1 = { 'x-goog-upload-file-name': 'na\u00efve.txt' }
  assert.deepEqual(await told({}, latin1), ['naïve.txt', 'text/plain'])
})

test('a file may be empty', async () => {
  const { body, state } = await command(await client.started(0), 'upload, finalize', '')
  assert.deepEqual([state, body.file.sizeBytes], ['final', '0'])
  assert.equal(await client.content(body.file.name), '')
  assert.equal((await command(await client.started(0), 'finalize')).state, 'final')
  assert.equal((await command(await client.started(undefined), 'finalize')).state, 'final')
})

test('a file whose length is not told ends where it is finalized', async () => {
  const url = await client.started(undefined)
  assert.equal((await command(url, 'upload', 'hello', 0)).received, 5)
  const { body } = await command(url, 'upload, finalize', ' world', 5)
  assert.equal(await client.content(body.file.name), 'hello world')
  const other = await client.started(undefined)
  await command(other, 'upload', 'hello', 0)
  assert.equal((await command(other, 'finalize')).body.file.sizeBytes, '5')
})

test('bytes that have come are taken again, and the rest of their body is new', async () => {
  const url = await client.started(11)
  await command(url, 'upload', 'hel', 0)
  await command(url, 'upload', 'lo', 3)
  for (const [offset, bytes, received] of [
    [0, 'hel', 5],
    [0, 'hello', 5],
    [3, 'l', 5],
    [3, '', 5],
    [1, 'ello w', 7],
    [0, 'hello wor', 9],
  ] as const) {
    const answer = await command(url, 'upload', bytes, offset)
    assert.deepEqual([answer.status, answer.state, answer.received], [200, 'active', received], bytes)
  }
  const final = await command(url, 'upload, finalize', 'world', 6)
  assert.equal(await client.content(final.body.file.name), 'hello world')
  for (const repeat of [
    await command(url, 'upload, finalize', 'world', 6),
    await command(url, 'upload, finalize', 'hello world', 0),
    await command(url, 'finalize'),
    await command(url, 'query'),
    await command(url, 'upload', 'hello', 0),
  ]) {
    assert.deepEqual([repeat.status, repeat.state, repeat.received], [200, 'final', 11])
    assert.deepEqual(repeat.body, final.body)
  }
  const more = await command(url, 'upload, finalize', 'world!', 6)
  assert.deepEqual([more.status, more.state], [400, 'final'])
  const cancel = await command(url, 'cancel')
  assert.deepEqual([cancel.status, cancel.state], [400, 'final'])
  assert.equal(await client.content(final.body.file.name), 'hello world')
})

test('other bytes than those that have come end the upload', async () => {
  const url = await client.started(10)
  await command(url, 'upload', 'hello', 0)
  const { status, state, body } = await command(url, 'upload', 'hallo world', 0)
  assert.deepEqual([status, state, body.error.status], [400, 'cancelled', 'INVALID_ARGUMENT'])
  const other = await client.started(10)
  await command(other, 'upload', 'hello', 0)
  const changed = await command(other, 'upload, finalize', 'halloworld', 0)
  assert.deepEqual([changed.status, changed.state], [400, 'cancelled'])
  assert.equal(await statusOf(other), 'cancelled')
  const stored = await client.started(5)
  await command(stored, 'upload, finalize', 'hello')
  const late = await command(stored, 'upload, finalize', 'hallo')
  assert.deepEqual([late.status, late.state], [400, 'final'])
})

test('a gap is refused and told where the upload goes on', async () => {
  const url = await client.started(10)
  await command(url, 'upload', 'hello', 0)
  for (const name of ['upload', 'upload, finalize']) {
    const { status, state, received, body } = await command(url, name, 'rld', 7)
    assert.deepEqual([status, state, received, body.error.status], [400, 'active', 5, 'INVALID_ARGUMENT'])
  }
  for (const offset of ['x', '-1', '5.5', '']) {
    const answer = await command(url, 'upload', 'world', 5, { 'x-goog-upload-offset': offset })
    assert.deepEqual([answer.status, answer.state, answer.received], [400, 'active', 5], offset)
  }
  assert.equal((await command(url, 'upload, finalize', 'world', 5)).state, 'final')
})

test('a declared length is kept: more bytes or fewer end the upload and free what it held', async () => {
  const before = await settledUsage(server)
  const long = await client.started(5)
  const short = await client.started(5, { name: 'too-short' })
  const shorter = await client.started(5)
  await command(shorter, 'upload', 'hell', 0)
  for (const [url, name, bytes] of [
    [long, 'upload', 'hello world'],
    [short, 'upload, finalize', 'hell'],
    [shorter, 'finalize', undefined],
  ] as const) {
    const { status, state, body } = await command(url, name, bytes)
    assert.deepEqual([status, state, body.error.status], [400, 'cancelled', 'INVALID_ARGUMENT'], name)
    const after = await command(url, 'query')
    assert.deepEqual([after.status, after.state], [404, 'cancelled'])
  }
  assert.deepEqual(await settledUsage(server), before)
  assert.equal((await client.start({ name: 'too-short', sizeBytes: 1 })).status, 200)
})

test('a cancelled upload is over, and to cancel it again does no harm', async () => {
  const before = await settledUsage(server)
  const url = await client.started(10, { name: 'cancelled-one' })
  await command(url, 'upload', 'hello', 0)
  for (let times = 0; times < 2; times++) {
    const { status, state, text } = await command(url, 'cancel')
    assert.deepEqual([status, state, text], [200, 'cancelled', ''])
  }
  for (const [name, bytes] of [
    ['upload', 'world'],
    ['finalize', undefined],
    ['query', undefined],
  ] as const) {
    const { status, state, body } = await command(url, name, bytes, bytes && 5)
    assert.deepEqual([status, state, body.error.status], [404, 'cancelled', 'NOT_FOUND'])
  }
  assert.deepEqual(await settledUsage(server), before)
  assert.equal((await client.start({ name: 'cancelled-one', sizeBytes: 1 })).status, 200)
})

test('a link to put bytes neither ends nor cancels the upload it is of, and a session is no such link', async () => {
  const field = new LightfieldClient(server)
  const { id, uploadUrl } = await field.pending({ sizeBytes: 5 })
  const session = await client.started(5)
  const asSession = session.replace(/upload_id=[^&]*/, `upload_id=${linkToken(uploadUrl)}`)
  for (const name of ['upload, finalize', 'finalize', 'query', 'cancel']) {
    const { status, state } = await command(
      asSession,
      name,
      name === 'upload, finalize' ? 'hello' : undefined,
    )
    assert.deepEqual([status, state], [404, 'cancelled'])
  }
  assert.equal(ok(await field.retrieve(id)).status, 'PENDING')
  const token = new URL(session).searchParams.get('upload_id')
  const put = await fetch(`${server.url}/transfer/${token}`, { method: 'PUT', body: 'hello' })
  assert.equal(put.status, 403)
  assert.equal((await command(session, 'query')).received, 0)
})

test('every answer on the URL of an upload tells its status', async (t) => {
  const url = await client.started(5)
  const forged = url.replace(/upload_id=(.)/, (_, first) => `upload_id=${first === 'A' ? 'B' : 'A'}`)
  const none = url.replace(/upload_id=[^&]*/, 'upload_id=')
  const unknown = { code: 404, message: 'Requested entity was not found.', status: 'NOT_FOUND' }
  for (const wrong of [forged, none, url.replace('&', '&upload_id=x&')])
    for (const name of ['upload', 'query', 'nonsense']) {
      const { status, state, body } = await command(wrong, name, 'hello')
      assert.deepEqual([status, state, body.error], [404, 'cancelled', unknown])
    }
  const coded = await command(url, 'upload', 'hello', 0, { 'content-encoding': 'gzip' })
  assert.deepEqual([coded.status, coded.state], [400, 'active'])
  t.mock.method(server.app.services.metadata, 'commit', async () => {
    throw new Error('for the log')
  })
  const broken = await command(url, 'upload, finalize', 'hello')
  assert.deepEqual([broken.status, broken.state, broken.received], [500, 'active', 0])
  assert.equal(broken.body.error.message, 'An internal error has occurred.')
  t.mock.restoreAll()
  assert.equal((await command(url, 'upload, finalize', 'hello')).state, 'final')
  await client.send('DELETE', `/v1/${(await command(url, 'query')).body.file.name}`)
  const deleted = await command(url, 'query')
  assert.deepEqual([deleted.status, deleted.state], [404, 'cancelled'])
})

test('an upload ends after a day, and frees its name', async () => {
  const url = await client.started(10, { name: 'a-day' })
  await command(url, 'upload', 'hello', 0)
  server.clock.advance({ hours: 23, minutes: 59 })
  assert.equal((await command(url, 'upload', 'wo', 5)).received, 7)
  server.clock.advance({ minutes: 1 })
  const late = await command(url, 'upload, finalize', 'rld', 7)
  assert.deepEqual([late.status, late.state], [404, 'cancelled'])
  assert.equal((await client.start({ name: 'a-day', sizeBytes: 1 })).status, 200)
})

test('what came of a body that broke off is kept, and its client goes on there or sends it again', async () => {
  const bytes = randomBytes(400_000)
  for (const resume of ['query', 'repeat'] as const) {
    const url = await client.started(bytes.length)
    const connection = await RawConnection.open(server.url)
    const { pathname, search, host } = new URL(url)
    const head = [
      `POST ${pathname}${search} HTTP/1.1`,
      `host: ${host}`,
      'x-goog-upload-command: upload, finalize',
      'x-goog-upload-offset: 0',
      `content-length: ${bytes.length}`,
    ]
    connection.write(`${head.join('\r\n')}\r\n\r\n`)
    connection.write(bytes.subarray(0, 300_000))
    assert.ok(await until(5_000, () => connection.unsentBytes === 0 && server.app.memory.usedBytes > 0))
    connection.reset()
    const offset = resume === 'query' ? ((await command(url, 'query')).received ?? -1) : 0
    assert.ok(offset >= 0 && offset <= 300_000)
    const { state, body } = await command(url, 'upload, finalize', bytes.subarray(offset), offset)
    assert.equal(state, 'final')
    const content = await fetch(body.file.downloadUri ?? '', { headers: { 'x-goog-api-key': server.key } })
    assert.deepEqual(Buffer.from(await content.arrayBuffer()), bytes)
  }
})

test('an upload counts against the quota from its start, and is refused beyond it', async (t) => {
  const own = await TestServer.start()
  t.after(() => own.stop())
  await setQuota(own, 'project', { bytes: 100 })
  const uploader = new GeminiClient(own)
  const refused = await uploader.start({ sizeBytes: 101 })
  assert.deepEqual([refused.status, refused.body.error.status], [429, 'RESOURCE_EXHAUSTED'])
  const url = await uploader.started(undefined)
  const beyond = await command(url, 'upload', 'x'.repeat(101), 0)
  assert.deepEqual([beyond.status, beyond.state], [429, 'cancelled'])
  assert.deepEqual(await settledUsage(own), { files: 0, bytes: 0 })
})

test('another dialect sees the upload as it sees its own', async () => {
  const url = await client.started(5, { displayName: 'seen.txt', mimeType: 'text/plain' })
  const field = new LightfieldClient(server)
  const { data } = (await field.list()).body
  const pending = data.find(({ filename }) => filename === 'seen.txt')
  assert.ok(pending)
  assert.equal(pending.status, 'PENDING')
  assert.equal((await field.cancel(pending.id)).status, 200)
  assert.equal((await command(url, 'query')).state, 'cancelled')
})
