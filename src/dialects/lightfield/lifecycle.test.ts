import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import {
  type Answer,
  CONTENT,
  type CreatedFile,
  LightfieldClient,
  md5Of,
  ok,
  putBytes,
} from '../../../test/lightfield-client.ts'
import { type FileState, nextStates } from '../../core/files/file.ts'
import { expireFiles } from '../../core/upkeep/expire-files.ts'
import { fileIdForms, parseFileId } from '../all.ts'
import { statusNames } from './wire.ts'

const SESSION_SECONDS = 3600
const RIGHT_MD5 = md5Of(CONTENT)
const WRONG_MD5 = md5Of('jello')

let server: TestServer
let client: LightfieldClient

before(async () => {
  server = await TestServer.start()
  client = new LightfieldClient(server)
})
after(() => server.stop())

/** An upload in each state, with or without the right bytes. */
const states = {
  'PENDING without bytes': () => client.pending(),
  'PENDING with its bytes': () => client.staged(),
  'PENDING with too few bytes': () => stagedWith('hell'),
  COMPLETED: async () => {
    const upload = await client.staged()
    ok(await client.complete(upload.id))
    return upload
  },
  CANCELLED: () => cancelled(client.staged()),
  'CANCELLED without bytes': () => cancelled(client.pending()),
  'CANCELLED with too few bytes': () => cancelled(stagedWith('hell')),
  EXPIRED: () => expired(client.staged()),
  'EXPIRED without bytes': () => expired(client.pending()),
  'EXPIRED with too few bytes': () => expired(stagedWith('hell')),
} satisfies Record<string, () => Promise<CreatedFile>>
type StateName = keyof typeof states

async function cancelled(begun: Promise<CreatedFile>): Promise<CreatedFile> {
  const upload = await begun
  ok(await client.cancel(upload.id))
  return upload
}

async function expired(begun: Promise<CreatedFile>): Promise<CreatedFile> {
  const upload = await begun
  server.clock.advance({ seconds: SESSION_SECONDS })
  return upload
}

/** Bytes of a wrong length get in only when their number is not told in advance. */
async function stagedWith(content: string): Promise<CreatedFile> {
  const upload = await client.pending()
  const body = new Blob([content]).stream()
  const { uploadUrl, uploadHeaders } = upload
  const response = await fetch(uploadUrl, { method: 'PUT', headers: uploadHeaders, body, duplex: 'half' })
  assert.equal(response.status, 200)
  return upload
}

const requests = {
  put: (upload) => putBytes(upload),
  complete: (upload) => client.complete(upload.id),
  'complete with the right md5': (upload) => client.complete(upload.id, { md5: RIGHT_MD5 }),
  'complete with a wrong md5': (upload) => client.complete(upload.id, { md5: WRONG_MD5 }),
  'complete with a malformed md5': (upload) => client.complete(upload.id, { md5: RIGHT_MD5.toUpperCase() }),
  cancel: (upload) => client.cancel(upload.id),
  url: (upload) => client.url(upload.id),
  retrieve: (upload) => client.retrieve(upload.id),
  list: () => client.list(),
} satisfies Record<string, (upload: CreatedFile) => Promise<Answer<unknown>>>
type RequestName = keyof typeof requests

/** Status, `type` and `param` (or nothing) of the answer, and the state afterwards. */
type Expected = readonly [status: number, type: string | undefined, param: string | undefined, state: string]
const fine = (state: string): Expected => [200, undefined, undefined, state]
const conflict = (state: string): Expected => [409, 'conflict', undefined, state]
const badMd5 = (state: string): Expected => [400, 'bad_request', 'md5', state]
const unprocessable = (param?: string): Expected => [422, 'unprocessable_content', param, 'PENDING']
const refusedLink = (state: string): Expected => [403, 'forbidden', undefined, state]

/** Every request in an ended state, `CANCELLED` or `EXPIRED`. */
const ended = (state: string): Record<RequestName, Expected> => ({
  put: refusedLink(state),
  complete: conflict(state),
  'complete with the right md5': conflict(state),
  'complete with a wrong md5': conflict(state),
  'complete with a malformed md5': badMd5(state),
  cancel: conflict(state),
  url: conflict(state),
  retrieve: fine(state),
  list: fine(state),
})

/** Every request while PENDING, where the bytes do not matter. */
const pending = {
  put: fine('PENDING'),
  'complete with a malformed md5': badMd5('PENDING'),
  cancel: fine('CANCELLED'),
  url: conflict('PENDING'),
  retrieve: fine('PENDING'),
  list: fine('PENDING'),
}

const table: Record<StateName, Record<RequestName, Expected>> = {
  'PENDING without bytes': {
    ...pending,
    complete: unprocessable(),
    'complete with the right md5': unprocessable(),
    'complete with a wrong md5': unprocessable(),
  },
  'PENDING with its bytes': {
    ...pending,
    complete: fine('COMPLETED'),
    'complete with the right md5': fine('COMPLETED'),
    'complete with a wrong md5': unprocessable('md5'),
  },
  'PENDING with too few bytes': {
    ...pending,
    complete: unprocessable('sizeBytes'),
    'complete with the right md5': unprocessable('sizeBytes'),
    'complete with a wrong md5': unprocessable('sizeBytes'),
  },
  COMPLETED: {
    put: refusedLink('COMPLETED'),
    complete: fine('COMPLETED'),
    'complete with the right md5': fine('COMPLETED'),
    'complete with a wrong md5': [422, 'unprocessable_content', 'md5', 'COMPLETED'],
    'complete with a malformed md5': badMd5('COMPLETED'),
    cancel: conflict('COMPLETED'),
    url: fine('COMPLETED'),
    retrieve: fine('COMPLETED'),
    list: fine('COMPLETED'),
  },
  CANCELLED: ended('CANCELLED'),
  'CANCELLED without bytes': ended('CANCELLED'),
  'CANCELLED with too few bytes': ended('CANCELLED'),
  EXPIRED: ended('EXPIRED'),
  'EXPIRED without bytes': ended('EXPIRED'),
  'EXPIRED with too few bytes': ended('EXPIRED'),
}

for (const [state, row] of Object.entries(table)) {
  for (const [request, expected] of Object.entries(row)) {
    const [status, type, param, after] = expected
    const outcome = type === undefined ? 'succeeds' : `answers ${status} ${type}`
    test(`${request} of an upload that is ${state} ${outcome} and leaves it ${after}`, async () => {
      const upload = await states[state as StateName]()
      const answer = await requests[request as RequestName](upload)
      assert.equal(answer.status, status, answer.text)
      assert.equal(answer.error?.type, type)
      assert.equal(answer.error?.param, param)
      const isFinal = type === 'conflict' ? 'false' : null
      assert.equal(answer.headers.get('x-should-retry'), isFinal)
      assert.equal(ok(await client.retrieve(upload.id)).status, after)
    })
  }
}

test('the table above has no way that the table of states does not have', () => {
  for (const [before, row] of Object.entries(table)) {
    const ways = (Object.keys(nextStates) as FileState[])
      .filter((state) => state !== 'deleted' && before.startsWith(statusNames[state]))
      .flatMap((state) => [state, ...nextStates[state]].map((next) => statusNames[next] as string))
    for (const [, , , after] of Object.values(row)) assert.ok(ways.includes(after), `${before} to ${after}`)
  }
})

test('each state shows its own times, and null for the others', async () => {
  const created = await client.pending()
  const createdAt = new Date(server.clock.now()).toISOString()
  const expiresAt = new Date(server.clock.now() + SESSION_SECONDS * 1000).toISOString()
  const { uploadUrl: _url, uploadHeaders, ...file } = created
  assert.deepEqual(uploadHeaders, { 'content-type': 'text/plain' })
  assert.deepEqual(file, {
    id: created.id,
    status: 'PENDING',
    filename: 'notes.txt',
    mimeType: 'text/plain',
    sizeBytes: 5,
    createdAt,
    completedAt: null,
    expiresAt,
  })
  await putBytes(created)
  server.clock.advance({ seconds: 7 })
  const completedAt = new Date(server.clock.now()).toISOString()
  const completed = { ...file, status: 'COMPLETED', completedAt, expiresAt: null }
  assert.deepEqual(ok(await client.complete(created.id)), completed)
  assert.deepEqual(ok(await client.retrieve(created.id)), completed)
  const cancelled = await client.cancelled()
  assert.equal(cancelled.status, 'CANCELLED')
  assert.equal(cancelled.completedAt, null)
  assert.equal(cancelled.expiresAt, null)
})

test('a repeated complete answers the same file, however late', async () => {
  const { id } = await client.staged()
  const first = ok(await client.complete(id, { md5: RIGHT_MD5 }))
  server.clock.advance({ days: 30 })
  assert.deepEqual(ok(await client.complete(id)), first)
  assert.deepEqual(ok(await client.complete(id, { md5: RIGHT_MD5 })), first)
})

test('a session lives until the last millisecond before its hour is over', async () => {
  const early = await client.staged()
  const late = await client.staged()
  server.clock.advance({ seconds: SESSION_SECONDS, ms: -1 })
  assert.equal(ok(await client.retrieve(late.id)).status, 'PENDING')
  assert.equal((await putBytes(late)).status, 200)
  assert.equal(ok(await client.complete(early.id)).status, 'COMPLETED')
  server.clock.advance({ ms: 1 })
  const expired = ok(await client.retrieve(late.id))
  assert.equal(expired.status, 'EXPIRED')
  assert.equal(expired.expiresAt, null)
  const listed = ok(await client.list()).data.find(({ id }) => id === late.id)
  assert.deepEqual(listed, expired)
})

test('the job that sweeps expired uploads changes nothing that anybody can see', async () => {
  const upload = await client.staged()
  server.clock.advance({ seconds: SESSION_SECONDS })
  const before = ok(await client.retrieve(upload.id))
  await expireFiles(server.app.services)
  assert.deepEqual(ok(await client.retrieve(upload.id)), before)
  assert.equal((await client.complete(upload.id)).status, 409)
  assert.equal((await client.cancel(upload.id)).status, 409)
  assert.equal((await putBytes(upload)).status, 403)
})

test('neither a PUT nor a failed complete extends the session', async () => {
  const upload = await client.pending()
  server.clock.advance({ seconds: SESSION_SECONDS - 1 })
  assert.equal((await putBytes(upload)).status, 200)
  assert.equal((await client.complete(upload.id, { md5: WRONG_MD5 })).status, 422)
  assert.equal(ok(await client.retrieve(upload.id)).expiresAt, upload.expiresAt)
  server.clock.advance({ seconds: 1 })
  assert.equal((await client.complete(upload.id)).status, 409)
})

test('an upload is completed after a wrong checksum and a second PUT', async () => {
  const upload = await client.staged('jello')
  assert.equal((await client.complete(upload.id, { md5: RIGHT_MD5 })).status, 422)
  assert.equal((await putBytes(upload)).status, 200)
  assert.equal(ok(await client.complete(upload.id, { md5: RIGHT_MD5 })).status, 'COMPLETED')
  const response = await fetch(await client.link(upload.id))
  assert.equal(await response.text(), CONTENT)
})

test('ids are fil_ with 25 characters, and every other form of them is accepted', async () => {
  const { id } = await client.stored()
  assert.match(id, /^fil_[0-9a-z]{25}$/)
  const uuid = parseFileId(id) ?? ''
  for (const [form, { print }] of fileIdForms) {
    const spelling = encodeURIComponent(print(uuid))
    assert.equal(ok(await client.retrieve(spelling)).id, id, form)
    assert.equal(ok(await client.complete(spelling)).id, id, form)
    assert.equal((await client.url(spelling)).status, 200, form)
    assert.equal((await client.cancel(spelling)).status, 409, form)
  }
})
