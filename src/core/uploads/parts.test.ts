import assert from 'node:assert/strict'
import { hash, randomBytes, randomInt } from 'node:crypto'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { TestServer } from '../../../test/harness.ts'
import { rounds } from '../../../test/rounds.ts'
import { runJobs } from '../../../test/run-jobs.ts'
import { defaultTenant, setQuota, usageNow } from '../../../test/usage.ts'
import { receiveBody } from '../../intake/body.ts'
import type { Caller } from '../caller.ts'
import { deleteFile } from '../files/delete-file.ts'
import { type FileRecord, stateAt } from '../files/file.ts'
import { readBytes } from '../files/read-bytes.ts'
import { type PartsUpload, readPartsUpload, readStoredFile, readStoredOrOpen } from '../files/read-file.ts'
import { expireFiles } from '../upkeep/expire-files.ts'
import { reconcile } from '../upkeep/reconcile.ts'
import { addPart, expectPart } from './add-part.ts'
import { cancelPartsUpload } from './parts-upload.ts'
import { type PlaceParts, placeParts } from './place-parts.ts'
import { type StartUpload, startUpload } from './start-upload.ts'

const KIB = 1024
const SESSION_SECONDS = 3600
const stateNames = {
  pending: 'pending',
  stored: 'completed',
  cancelled: 'cancelled',
  expired: 'expired',
  deleted: 'deleted',
} as const

let server: TestServer
let caller: Caller
before(async () => {
  server = await TestServer.start()
  const { organization, project } = await defaultTenant(server)
  const subject = { type: 'user', id: 'tester' } as const
  caller = {
    keyId: 'k',
    organizationId: organization,
    projectIds: [project],
    subject,
    role: 'admin',
    scopes: [],
    fidelity: 'open',
  }
})
after(() => server.stop())

async function openUpload(maxBytes: number, given: Partial<StartUpload> = {}): Promise<PartsUpload> {
  const file = await startUpload(server.app.services, caller, {
    name: 'parts.bin',
    mimeType: 'application/octet-stream',
    sizeBytes: 0,
    maxBytes,
    takesParts: true,
    purpose: null,
    lifetimeSeconds: SESSION_SECONDS,
    writeOnce: false,
    sha256: null,
    expiry: { policy: 'never' },
    ...given,
  })
  return readPartsUpload(server.app.services, caller, file.id)
}

async function add(upload: PartsUpload, content: Uint8Array, announced = 0): Promise<number> {
  const { services } = server.app
  const size = { atLeast: announced, atMost: 100 * KIB }
  await using received = await expectPart(services, upload, size, stateNames)
  await received.fill(receiveBody(Readable.from([content]), { maxBytes: 100 * KIB }, { md5: false }))
  const allPartsBytes = upload.uploadMaxBytes * 3
  return await addPart(services, upload, { received, allPartsBytes, stateNames })
}

function place(
  { id }: PartsUpload,
  starts: readonly number[],
  given: Partial<PlaceParts> = {},
): Promise<PartsUpload> {
  const typeOf = () => async () => 'application/x-shown'
  return placeParts(server.app.services, caller, { id, starts, md5: undefined, typeOf, stateNames, ...given })
}

const cancel = ({ id }: PartsUpload) => cancelPartsUpload(server.app.services, caller, { id, stateNames })

async function contentOf(file: FileRecord): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of readBytes(server.app.services, file)) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** What was joined or left out is gone once its grace is over, and all else is as it should be. */
async function requireSound(): Promise<void> {
  await runJobs(server)
  server.clock.advance({ hours: 25 })
  await runJobs(server)
  const { orphans, damaged, transient } = await reconcile(server.app.services, false)
  assert.deepEqual({ orphans, damaged, transient }, { orphans: [], damaged: [], transient: 0 })
}

test('parts that come at once become a file in the order that is asked for, without those left out', async () => {
  const used = await usageNow(server)
  const contents = [5, 90 * KIB, 1, 80 * KIB, 20 * KIB].map((size) => randomBytes(size))
  const order = [4, 1, 0]
  const whole = Buffer.concat(order.map((at) => contents[at] ?? Buffer.of()))
  const upload = await openUpload(whole.length)
  const starts = await Promise.all(contents.map((content) => add(upload, content, content.length % 2)))
  assert.ok(starts.every((start) => start < 0))
  const come = contents.reduce((sum, { length }) => sum + length, 0)
  assert.equal((await usageNow(server)).bytes - used.bytes, come)
  const chosen = order.map((at) => starts[at] ?? assert.fail())
  const file = await place(upload, chosen)
  const { state, sizeBytes, sha256, mimeType, segmentCount } = file
  assert.deepEqual(
    { state, sizeBytes, sha256, mimeType, segmentCount },
    {
      state: 'stored',
      sizeBytes: whole.length,
      sha256: hash('sha256', whole),
      mimeType: 'application/x-shown',
      segmentCount: 3,
    },
  )
  assert.deepEqual(file, await server.app.services.metadata.findFile(file.id))
  assert.ok((await contentOf(file)).equals(whole))
  assert.deepEqual(await usageNow(server), { files: used.files + 1, bytes: used.bytes + whole.length })
  await requireSound()
  const joined = (await server.app.services.metadata.findFile(file.id)) ?? assert.fail()
  assert.ok((await contentOf(joined)).equals(whole))
})

test('the same parts once more return the same file, others are refused', async () => {
  const upload = await openUpload(2)
  const [a, b] = [await add(upload, Buffer.from('a')), await add(upload, Buffer.from('b'))]
  const file = await place(upload, [b, a])
  assert.deepEqual(await place(upload, [b, a]), file)
  for (const starts of [[a, b], [b], [], [b, a, a]])
    await assert.rejects(place(upload, starts), { code: 'state-conflict', message: /completed/ })
  await assert.rejects(add(upload, Buffer.from('late')), { code: 'state-conflict' })
  await assert.rejects(cancel(upload), { code: 'state-conflict' })
  await deleteFile(server.app.services, caller, file.id)
  await assert.rejects(place(upload, [b, a]), { code: 'upload-not-found' })
})

test('parts are refused that are not there, named twice, too few, or no file, and stay', async () => {
  const upload = await openUpload(2, { sha256: hash('sha256', 'ab') })
  const other = await openUpload(1)
  const foreign = await add(other, Buffer.from('a'))
  await assert.rejects(add(upload, Buffer.of()), { code: 'bytes-missing' })
  const [a, b] = [await add(upload, Buffer.from('a')), await add(upload, Buffer.from('b'))]
  for (const starts of [
    [a, a],
    [a, 0],
    [a, foreign],
    [b, a, b],
  ])
    await assert.rejects(place(upload, starts), { code: 'bytes-missing' })
  await assert.rejects(place(upload, [a]), { code: 'size-mismatch' })
  await assert.rejects(place(upload, []), { code: 'size-mismatch' })
  await assert.rejects(place(upload, [b, a]), { code: 'checksum-mismatch' })
  await assert.rejects(place(upload, [a, b], { md5: hash('md5', 'ba') }), { code: 'checksum-mismatch' })
  assert.equal((await readPartsUpload(server.app.services, caller, upload.id)).state, 'pending')
  const { state, md5 } = await place(upload, [a, b], { md5: hash('md5', 'ab') })
  assert.deepEqual([state, md5], ['stored', hash('md5', 'ab')])
  await cancel(other)
  await requireSound()
})

test('parts count as they come, up to the quota and the bound, and no longer once the upload is over', async () => {
  const used = (await usageNow(server)).bytes
  await setQuota(server, 'organization', { bytes: used + 10 })
  const upload = await openUpload(4)
  await add(upload, Buffer.from('12345678'))
  await assert.rejects(add(upload, Buffer.from('90ab')), { code: 'quota-exceeded' })
  await assert.rejects(add(upload, Buffer.from('90ab'), 4), { code: 'quota-exceeded' })
  assert.equal((await usageNow(server)).bytes, used + 8)
  await setQuota(server, 'organization', {})
  await add(upload, Buffer.from('90ab'))
  await assert.rejects(add(upload, Buffer.from('c')), { code: 'rule-violated' })
  server.clock.advance({ seconds: SESSION_SECONDS })
  await assert.rejects(add(upload, Buffer.from('late')), { code: 'state-conflict', message: /expired/ })
  await requireSound()
  assert.equal((await usageNow(server)).bytes, used)
  await assert.rejects(add(upload, Buffer.from('late')), { code: 'state-conflict', message: /expired/ })
  assert.equal((await cancel(upload)).state, 'expired')
})

test('the file of an upload is made when it is completed, and lives from then on', async () => {
  const begun = server.clock.now()
  const upload = await openUpload(1, { expiry: { policy: 'at', at: begun + 7_200_000 } })
  const start = await add(upload, Buffer.from('a'))
  server.clock.advance({ minutes: 30 })
  const { createdAt, storedAt, expiresAt, uploadExpiresAt } = await place(upload, [start])
  const now = begun + 1_800_000
  assert.deepEqual(
    { createdAt, storedAt, expiresAt, uploadExpiresAt },
    { createdAt: now, storedAt: now, expiresAt: now + 7_200_000, uploadExpiresAt: begun + 3_600_000 },
  )
})

test('an upload of parts is found as such alone, in its own projects', async () => {
  const { services } = server.app
  const upload = await openUpload(1)
  for (const read of [readStoredFile, readStoredOrOpen])
    await assert.rejects(read(services, caller, upload.id), { code: 'file-not-found' })
  const stranger = { ...caller, projectIds: ['another'] }
  await assert.rejects(readPartsUpload(services, stranger, upload.id), { code: 'upload-not-found' })
  const { metadata } = services
  const other = await startUpload(services, caller, {
    ...{ name: 'x', mimeType: 'text/plain', sizeBytes: 0, maxBytes: 1, purpose: null, sha256: null },
    ...{ lifetimeSeconds: 60, writeOnce: false, expiry: { policy: 'never' } },
  })
  assert.ok(await metadata.findFile(other.id))
  await assert.rejects(readPartsUpload(services, caller, other.id), { code: 'upload-not-found' })
  assert.deepEqual([(await cancel(upload)).state, (await cancel(upload)).state], ['cancelled', 'cancelled'])
})

const MOST_ROUNDS = 400

test('of a complete, a cancel, an expiry and more parts at the same time one decides', async () => {
  const seen = new Set<string>()
  await requireSound()
  const used = await usageNow(server)
  const least = rounds({ short: 12, long: 200 })
  // A complete is the fastest of them, so that it takes some rounds until another one decides.
  for (let round = 0; round < least || (seen.size < 2 && round < MOST_ROUNDS); round++) {
    const upload = await openUpload(40 * KIB)
    const content = randomBytes(40 * KIB)
    const starts = [
      await add(upload, content.subarray(0, 20 * KIB)),
      await add(upload, content.subarray(20 * KIB)),
    ]
    const isExpiring = round % 2 === 1
    const contenders = [
      () => place(upload, starts),
      () => place(upload, starts),
      () => (isExpiring ? expire() : cancel(upload)),
      () => add(upload, Buffer.from('one more')),
    ]
    const outcomes = await Promise.allSettled(
      contenders.map(async (run) => {
        for (let turns = randomInt(6); turns > 0; turns--) await turn()
        return run()
      }),
    )
    const file = (await server.app.services.metadata.findFile(upload.id)) ?? assert.fail()
    const state = stateAt(file, server.clock.now())
    seen.add(state)
    const [first, second, other] = outcomes.map(({ status }) => status)
    for (const outcome of outcomes.slice(0, 2))
      if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'state-conflict')
    if (state === 'stored') {
      const done = [first, second].filter((status) => status === 'fulfilled').length
      // While one commits, the clock may show the other that the session is over.
      assert.ok(isExpiring ? done >= 1 : done === 2)
      assert.equal(other, isExpiring ? 'fulfilled' : 'rejected')
      assert.ok((await contentOf(file)).equals(content))
      await deleteFile(server.app.services, caller, file.id)
    } else {
      assert.equal(state, isExpiring ? 'expired' : 'cancelled')
      assert.deepEqual([first, second, other], ['rejected', 'rejected', 'fulfilled'])
    }
  }
  assert.ok(seen.has('stored') && seen.size > 1, [...seen].join())
  await requireSound()
  assert.deepEqual(await usageNow(server), used)
})

/** The session ends, and the job that sees to it runs at once. */
async function expire(): Promise<void> {
  server.clock.advance({ seconds: SESSION_SECONDS })
  await expireFiles(server.app.services)
}
