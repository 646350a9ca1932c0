import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { runJobs } from '../../../test/run-jobs.ts'
import { defaultTenant, setQuota, usageNow } from '../../../test/usage.ts'
import { receiveBody } from '../../intake/body.ts'
import type { FileRecord } from '../files/file.ts'
import { readBytes } from '../files/read-bytes.ts'
import { reconcile } from '../upkeep/reconcile.ts'
import { type AddedPart, addPart } from './add-part.ts'
import { placeParts } from './place-parts.ts'
import type { OpenUpload } from './receive-upload.ts'
import { startUpload } from './start-upload.ts'

const KIB = 1024
const MAX_BYTES = 400 * KIB

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

async function openUpload(sha256: string | null = null): Promise<OpenUpload> {
  const { organization, project } = await defaultTenant(server)
  const subject = { type: 'user', id: 'tester' } as const
  const caller = { keyId: 'k', organizationId: organization, projectIds: [project], subject } as const
  const file = await startUpload(
    server.app.services,
    { ...caller, role: 'admin', scopes: [], fidelity: 'open' },
    {
      name: 'parts.bin',
      mimeType: 'application/octet-stream',
      sizeBytes: 0,
      maxBytes: MAX_BYTES,
      purpose: null,
      lifetimeSeconds: 3600,
      writeOnce: false,
      sha256,
      expiry: { policy: 'never' },
    },
  )
  return file as OpenUpload
}

function add(upload: OpenUpload, content: Uint8Array, announced = 0): Promise<AddedPart> {
  const body = receiveBody(Readable.from([content]), { maxBytes: 100 * KIB }, { md5: true })
  return addPart(server.app.services, upload, { body, partBytes: { atLeast: announced, atMost: 100 * KIB } })
}

function place(upload: OpenUpload, parts: readonly AddedPart[], fileBytes: number): Promise<FileRecord> {
  const starts = parts.map(({ start }) => start)
  const typeOf = async () => 'application/x-shown'
  return placeParts(server.app.services, upload, { starts, fileBytes, typeOf })
}

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
  const used = (await usageNow(server)).bytes
  const contents = [5, 90 * KIB, 1, 80 * KIB, 20 * KIB].map((size) => randomBytes(size))
  const upload = await openUpload()
  const parts = await Promise.all(contents.map((content) => add(upload, content, content.length % 2)))
  for (const [at, { start, digests }] of parts.entries()) {
    const content = contents[at] ?? Buffer.of()
    assert.ok(start < 0)
    const expected = { sizeBytes: content.length, sha256: hash('sha256', content), md5: hash('md5', content) }
    assert.deepEqual(digests, expected)
  }
  const come = contents.reduce((sum, { length }) => sum + length, 0)
  assert.equal((await usageNow(server)).bytes - used, come)
  const order = [4, 1, 0]
  const whole = Buffer.concat(order.map((at) => contents[at] ?? Buffer.of()))
  const chosen = order.map((at) => parts[at] ?? assert.fail())
  const file = await place(upload, chosen, whole.length)
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
  assert.ok((await contentOf(file)).equals(whole))
  assert.equal((await usageNow(server)).bytes - used, whole.length)
  await assert.rejects(place(upload, chosen, whole.length), { code: 'link-invalid' })
  await assert.rejects(add(upload, Buffer.from('late')), { code: 'link-invalid' })
  await requireSound()
  const joined = (await server.app.services.metadata.findFile(file.id)) ?? assert.fail()
  assert.ok((await contentOf(joined)).equals(whole))
})

test('parts are refused that are not there, named twice, too few, or no file', async () => {
  const upload = await openUpload(hash('sha256', 'ab'))
  await assert.rejects(add(upload, Buffer.of()), { code: 'bytes-missing' })
  const [a, b] = [await add(upload, Buffer.from('a')), await add(upload, Buffer.from('b'))]
  await assert.rejects(place(upload, [a, a], 2), { code: 'bytes-missing' })
  await assert.rejects(place(upload, [a, { ...b, start: 0 }], 2), { code: 'bytes-missing' })
  await assert.rejects(place(upload, [a], 2), { code: 'size-mismatch' })
  await assert.rejects(place(upload, [], 0), { code: 'bytes-missing' })
  await assert.rejects(place(upload, [b, a], 2), { code: 'checksum-mismatch' })
  const [again, more] = [await add(upload, Buffer.from('b')), await add(upload, Buffer.from('a'))]
  assert.equal((await place(upload, [more, again], 2)).state, 'stored')
  await requireSound()
})

test('parts count as they come, up to the quota, and no longer once the upload is over', async () => {
  const used = (await usageNow(server)).bytes
  await setQuota(server, 'organization', { bytes: used + 10 })
  const upload = await openUpload()
  await add(upload, Buffer.from('12345678'))
  await assert.rejects(add(upload, Buffer.from('90ab')), { code: 'quota-exceeded' })
  await assert.rejects(add(upload, Buffer.from('90ab'), 4), { code: 'quota-exceeded' })
  assert.equal((await usageNow(server)).bytes, used + 8)
  await setQuota(server, 'organization', {})
  server.clock.advance({ hours: 2 })
  await requireSound()
  assert.equal((await usageNow(server)).bytes, used)
  await assert.rejects(add(upload, Buffer.from('late')), { code: 'link-invalid' })
})
