import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import type { OutgoingHttpHeaders } from 'node:http'
import { after, before, test } from 'node:test'
import { exchangeDraft, INTEROP_VERSION } from '../../../test/draft-client.ts'
import { TestServer } from '../../../test/harness.ts'
import { LightfieldClient, ok, putBytes } from '../../../test/lightfield-client.ts'
import {
  append,
  assertProblem,
  begin,
  contentOf,
  MAX_BYTES,
  offsetAt,
  openUpload,
  statusOf,
  told,
} from './draft.harness.ts'

let server: TestServer
let client: LightfieldClient

before(async () => {
  server = await TestServer.start({ ENTREPOT_RESUMABLE_DRAFT: 'on' })
  client = new LightfieldClient(server)
})
after(() => server.stop())

function reprDigest(content: string): string {
  return `sha-256=:${hash('sha256', content, 'base64')}:`
}

for (const method of ['PUT', 'POST'])
  test(`one ${method} with all bytes stores an upload, and is told where it could be resumed`, async () => {
    const { id, url } = await openUpload(server)
    const answer = await begin(url, 'hello', { 'upload-complete': '?1' }, method)
    assert.equal(answer.status, 200, answer.text)
    assert.deepEqual(told(answer), { offset: '5', complete: '?1', length: '5' })
    assert.equal(answer.headers['repr-digest'], reprDigest('hello'))
    assert.equal(answer.headers.etag, `"${hash('sha256', 'hello')}"`)
    assert.equal(answer.headers.location, url)
    const [interim, ...others] = answer.interim
    assert.deepEqual([interim?.status, others.length], [104, 0])
    assert.deepEqual(interim?.headers, {
      location: url,
      'upload-draft-interop-version': INTEROP_VERSION,
      'upload-limit': `max-size=${MAX_BYTES}, max-age=3600`,
    })
    assert.equal(await contentOf(server, id), 'hello')
    assert.deepEqual(await offsetAt(url), { status: 204, offset: '5', complete: '?1', length: '5' })
  })

test('an upload comes in parts, and its length is told at any time', async () => {
  const { id, url } = await openUpload(server)
  const created = await begin(url, '', { 'upload-complete': '?0' })
  assert.equal(created.status, 201)
  assert.equal(created.headers.location, url)
  assert.deepEqual(told(created), { offset: '0', complete: '?0', length: undefined })
  const first = await append(url, 0, 'he', { 'upload-complete': '?0' })
  assert.deepEqual([first.status, first.interim], [204, []])
  assert.deepEqual(told(first), { offset: '2', complete: '?0', length: undefined })
  const second = await append(url, 2, 'l', { 'upload-complete': '?0', 'upload-length': 5 })
  assert.deepEqual(told(second), { offset: '3', complete: '?0', length: '5' })
  const head = await exchangeDraft('HEAD', url)
  assert.deepEqual([head.status, head.headers['cache-control']], [204, 'no-store'])
  assert.match(String(head.headers['upload-limit']), /^max-size=5, max-age=\d+$/)
  assert.deepEqual(told(head), { offset: '3', complete: '?0', length: '5' })
  const last = await append(url, 3, 'lo')
  assert.deepEqual([last.status, told(last).complete], [200, '?1'])
  assert.equal(last.headers['repr-digest'], reprDigest('hello'))
  assert.equal(await contentOf(server, id), 'hello')
})

test('an upload of unknown length ends with the request that says so, also one without bytes', async () => {
  const { id, url } = await openUpload(server)
  assert.equal((await begin(url, 'hello', { 'upload-complete': '?0' })).status, 201)
  assert.equal(await statusOf(server, id), 'PENDING')
  const last = await append(url, 5, '')
  assert.deepEqual([last.status, told(last)], [200, { offset: '5', complete: '?1', length: '5' }])
  assert.equal(await contentOf(server, id), 'hello')
})

test('whoever lost the last answer gets it again', async () => {
  const { url } = await openUpload(server)
  const first = await begin(url, 'hello', { 'upload-complete': '?1' })
  const again = await append(url, 5, '')
  const names = ['etag', 'repr-digest', 'upload-complete', 'upload-length', 'upload-limit', 'upload-offset']
  for (const name of names) assert.equal(again.headers[name], first.headers[name] ?? assert.fail(name))
  assert.equal(again.status, 200)
})

test('what is stored takes no more bytes, and no end', async () => {
  const { id, url } = await openUpload(server)
  await begin(url, 'hello', { 'upload-complete': '?1' })
  assert.equal((await append(url, 5, '!')).status, 403)
  assert.equal((await append(url, 5, '', { 'upload-complete': '?0' })).status, 403)
  assert.equal((await begin(url, 'hello', { 'upload-complete': '?1' })).status, 403)
  assert.equal((await exchangeDraft('DELETE', url)).status, 403)
  assertProblem(await append(url, 2, 'llo'), 409, 'mismatching-upload-offset', {
    'expected-offset': 5,
    'provided-offset': 2,
  })
  assert.equal(await contentOf(server, id), 'hello')
})

test('a wrong offset is answered with the right one', async () => {
  const { url } = await openUpload(server)
  await begin(url, 'hello', { 'upload-complete': '?0' })
  for (const offset of [0, 4, 6, 999_999_999_999_999]) {
    const answer = await append(url, offset, 'x')
    const offsets = { 'expected-offset': 5, 'provided-offset': offset }
    assertProblem(answer, 409, 'mismatching-upload-offset', offsets)
    assert.equal(answer.headers['upload-offset'], '5')
  }
  const again = await begin(url, 'hello', { 'upload-complete': '?0' })
  assertProblem(again, 409, 'mismatching-upload-offset', { 'expected-offset': 5, 'provided-offset': 0 })
})

test('lengths that contradict each other are refused', async () => {
  const { url } = await openUpload(server)
  const refused = [
    await begin(url, 'hello', { 'upload-complete': '?1', 'upload-length': 6 }),
    await begin(url, 'hello', { 'upload-complete': '?1', 'upload-length': 4 }),
  ]
  await begin(url, 'hello', { 'upload-complete': '?0', 'upload-length': 10 })
  refused.push(
    await append(url, 5, 'x', { 'upload-complete': '?0', 'upload-length': 11 }),
    await append(url, 5, 'x'),
    await append(url, 5, ''),
  )
  for (const answer of refused) assertProblem(answer, 400, 'inconsistent-upload-length')
  assert.equal((await offsetAt(url)).offset, '5')
})

const malformed = {
  'upload-complete': ['', '1', 'true', '?2', '?1, ?1'],
  'upload-offset': ['', '-1', '1.5', 'x', '9007199254740993', '0, 0'],
  'upload-length': ['', '-5', '5.0', '0x5', 'five', '99999999999999999999', '5, 5'],
}

for (const [field, values] of Object.entries(malformed))
  test(`a malformed ${field} is refused, and nothing is stored`, async () => {
    const { url } = await openUpload(server)
    for (const value of values) {
      const answer = await append(url, 0, 'hello', { [field]: value })
      assert.equal(answer.status, 400, value)
      assert.equal(JSON.parse(answer.text).error.code, 'field_invalid')
      const fields = { 'upload-complete': '?1', [field]: value }
      assert.equal((await begin(url, 'hello', fields, 'PUT')).status, 400, value)
    }
    assert.equal((await offsetAt(url)).offset, '0')
  })

test('an append needs its type, its offset, and a word on whether it is the last', async () => {
  const { url } = await openUpload(server)
  const type = { 'content-type': 'application/partial-upload' }
  const content = Buffer.from('hello')
  const attempt = (headers: OutgoingHttpHeaders) => exchangeDraft('PATCH', url, { content, headers })
  const untyped = await attempt({
    'upload-offset': '0',
    'upload-complete': '?1',
    'content-type': 'text/plain',
  })
  assert.deepEqual([untyped.status, untyped.headers['accept-patch']], [415, 'application/partial-upload'])
  for (const fields of [{ 'upload-offset': '0' }, { 'upload-complete': '?1' }]) {
    const answer = await attempt({ ...type, ...fields })
    assert.deepEqual([answer.status, JSON.parse(answer.text).error.code], [400, 'field_missing'])
  }
  assert.equal((await exchangeDraft('POST', url, { content })).status, 400)
  const spelt = { ...type, 'content-type': 'Application/Partial-Upload; x=1' }
  assert.equal((await attempt({ ...spelt, 'upload-offset': '0', 'upload-complete': '?1' })).status, 200)
})

test('more bytes than an upload may have get 413 and its limits; nothing of them is stored', async () => {
  const unknown = await openUpload(server)
  const known = await openUpload(server, { sizeBytes: 5, maxBytes: 5 })
  const tooMany = 'x'.repeat(MAX_BYTES + 1)
  const refused = [
    await begin(unknown.url, tooMany, { 'upload-complete': '?1' }),
    await begin(unknown.url, 'x', { 'upload-complete': '?0', 'upload-length': MAX_BYTES + 1 }),
    await begin(unknown.url, tooMany, { 'upload-complete': '?0', 'transfer-encoding': 'chunked' }),
    await begin(known.url, 'hello!', { 'upload-complete': '?0' }),
  ]
  for (const { status, headers } of refused) {
    assert.equal(status, 413)
    assert.match(String(headers['upload-limit']), /^max-size=\d+, max-age=\d+$/)
  }
  for (const { url } of [unknown, known]) assert.equal((await offsetAt(url)).offset, '0')
})

test('bytes that do not have their digest are not appended', async () => {
  const { id, url } = await openUpload(server)
  await begin(url, 'hel', { 'upload-complete': '?0' })
  const wrong = await append(url, 3, 'lo', { 'content-digest': reprDigest('la') })
  assertProblem(wrong, 400, 'digest-mismatched-values')
  assert.equal((await offsetAt(url)).offset, '3')
  assert.equal((await append(url, 3, 'lo', { 'content-digest': reprDigest('lo') })).status, 200)
  assert.equal(await contentOf(server, id), 'hello')
})

test('an upload whose end tells another digest of the whole is not stored', async () => {
  const { id, url } = await openUpload(server)
  const whole = await begin(url, 'hello', { 'upload-complete': '?1', 'repr-digest': reprDigest('hallo') })
  assertProblem(whole, 400, 'digest-mismatched-values')
  assert.equal((await offsetAt(url)).offset, '0')
  // Of a part it tells nothing yet.
  await begin(url, 'hel', { 'upload-complete': '?0', 'repr-digest': reprDigest('hello') })
  const wrong = await append(url, 3, 'lo', { 'repr-digest': reprDigest('hallo') })
  assertProblem(wrong, 400, 'digest-mismatched-values')
  assert.equal(await statusOf(server, id), 'PENDING')
  assert.deepEqual(await offsetAt(url), { status: 204, offset: '0', complete: '?0', length: '5' })
  assert.equal((await begin(url, 'hel', { 'upload-complete': '?0' })).status, 201)
  assert.equal((await append(url, 3, 'lo', { 'repr-digest': reprDigest('hello') })).status, 200)
  assert.equal(await contentOf(server, id), 'hello')
})

test('an upload that is cancelled is over', async () => {
  const { id, url } = await openUpload(server)
  await begin(url, 'hello', { 'upload-complete': '?0' })
  assert.equal((await exchangeDraft('DELETE', url)).status, 204)
  assert.equal(await statusOf(server, id), 'CANCELLED')
  assert.equal((await offsetAt(url)).status, 403)
  assert.equal((await append(url, 5, '')).status, 403)
  assert.equal((await begin(url, 'hello', { 'upload-complete': '?1' })).status, 403)
  assert.equal((await exchangeDraft('DELETE', url)).status, 403)
})

test('the type that the first request or else the content tells is that of the file', async () => {
  const typeOf = async (fields: Record<string, string>) => {
    const { id, url } = await openUpload(server, { name: 'scan', mimeType: 'application/octet-stream' })
    await begin(url, '%PDF-1.7', { 'upload-complete': '?0' })
    await append(url, 8, '\n%âãÏÓ\n')
    const whole = await openUpload(server, { name: 'scan', mimeType: 'application/octet-stream' })
    await begin(whole.url, '%PDF-1.7\n%âãÏÓ\n', { 'upload-complete': '?1', ...fields })
    return [ok(await client.retrieve(id)).mimeType, ok(await client.retrieve(whole.id)).mimeType]
  }
  assert.deepEqual(await typeOf({}), ['application/pdf', 'application/pdf'])
  assert.deepEqual(await typeOf({ 'content-type': 'text/x-own' }), ['application/pdf', 'text/x-own'])
})

test('an upload that a complete stores is staged by the draft, whole or in parts', async () => {
  const [whole, inParts] = [await client.pending(), await client.pending()]
  const type = { 'content-type': 'text/plain' }
  const staged = await begin(whole.uploadUrl, 'hello', { ...type, 'upload-complete': '?1' }, 'PUT')
  assert.deepEqual([staged.status, told(staged)], [200, { offset: '5', complete: '?1', length: '5' }])
  await begin(inParts.uploadUrl, 'he', { ...type, 'upload-complete': '?0' }, 'PUT')
  assert.deepEqual(await offsetAt(inParts.uploadUrl), {
    status: 204,
    offset: '2',
    complete: '?0',
    length: '5',
  })
  assert.equal((await client.complete(inParts.id)).status, 422)
  assert.equal((await append(inParts.uploadUrl, 2, 'llo')).status, 200)
  for (const { id, uploadUrl } of [whole, inParts]) {
    assert.equal((await offsetAt(uploadUrl)).complete, '?1')
    assert.equal(ok(await client.complete(id)).status, 'COMPLETED')
    assert.equal(await contentOf(server, id), 'hello')
    assert.deepEqual(await offsetAt(uploadUrl), { status: 204, offset: '5', complete: '?1', length: '5' })
  }
})

test('an upload that waits for a complete can be cancelled on its link', async () => {
  const { id, uploadUrl } = await client.pending()
  assert.equal((await exchangeDraft('DELETE', uploadUrl)).status, 204)
  assert.equal(await statusOf(server, id), 'CANCELLED')
})

test('a PUT of the whole replaces the bytes that are there, with Upload-Complete or without', async () => {
  const upload = await client.pending()
  const type = { 'content-type': 'text/plain' }
  const putWhole = (content: string) =>
    begin(upload.uploadUrl, content, { ...type, 'upload-complete': '?1' }, 'PUT')
  assert.equal((await begin(upload.uploadUrl, 'ha', { ...type, 'upload-complete': '?0' })).status, 201)
  const first = await putWhole('hallo')
  assert.deepEqual([first.status, first.headers['upload-complete'], first.interim], [200, '?1', []])
  assert.equal((await putWhole('hullo')).status, 200)
  assert.equal((await putBytes(upload, 'hello')).status, 200)
  await client.complete(upload.id)
  assert.equal(await contentOf(server, upload.id), 'hello')
})

test('an upload is begun with what its link asks for', async () => {
  const { uploadUrl } = await client.pending()
  assert.equal((await begin(uploadUrl, 'hello', { 'upload-complete': '?1' }, 'PUT')).status, 403)
  const once = await openUpload(server, { writeOnce: true })
  assert.equal((await begin(once.url, 'hello', { 'upload-complete': '?1' })).status, 403)
  const fields = { 'upload-complete': '?1', 'if-none-match': '*' }
  assert.equal((await begin(once.url, 'hello', fields)).status, 200)
})

test('an upload whose time is over takes no bytes and tells no offset', async () => {
  const { url } = await openUpload(server, { lifetimeSeconds: 60 })
  const staged = await client.staged()
  await begin(url, 'hello', { 'upload-complete': '?0' })
  // An append leaves an hour to the next, but no upload outlives its link.
  server.clock.advance({ minutes: 2 })
  assert.equal((await offsetAt(url)).status, 403)
  assert.equal((await append(url, 5, '')).status, 403)
  server.clock.advance({ days: 2 })
  assert.equal((await offsetAt(staged.uploadUrl)).status, 403)
})
