import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { StoreError } from '../src/core/errors.ts'
import type { FileId } from '../src/core/file-id.ts'
import { verifyBytes } from '../src/core/upkeep/verify-bytes.ts'
import { fileIds as lightfieldIds } from '../src/dialects/lightfield/ids.ts'
import { entrepot, type Settings } from './cli.harness.ts'
import { TestServer } from './harness.ts'
import { LlamaCloudClient } from './llamacloud-client.ts'
import { newDatabase } from './postgres.ts'
import { readBody } from './s3/body.ts'
import { S3TestServer } from './s3/server.ts'
import { s3Settings } from './s3/settings.ts'

const NONE: Settings = {}

/** A server with a blob of each of these contents, and what breaks them. */
async function start(t: TestContext, stores: Settings, contents: readonly (string | Buffer)[]) {
  const server = await TestServer.start({ ENTREPOT_INLINE_BYTES: '0', ...stores })
  t.after(() => server.stop())
  const { metadata } = server.app.services
  const client = new LlamaCloudClient(server)
  const stored: { readonly fileId: string; readonly key: string }[] = []
  for (const content of contents) {
    const fileId = (await client.stored(content)).id.slice('dfl-'.length)
    const key = (await metadata.findFile(fileId))?.blobKey
    assert.ok(key)
    stored.push({ fileId, key })
  }
  const places = { ENTREPOT_DATA_DIR: server.dataDir, ...stores }
  const doctor = (...args: string[]) => entrepot(['doctor', ...args], places)
  return { server, client, stored, doctor }
}

function fingerprintOf(bytes: string | Buffer) {
  return { sizeBytes: Buffer.byteLength(bytes), sha256: createHash('sha256').update(bytes).digest('hex') }
}

/** Flips the lowest bit of the first byte. */
function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  copy[0] = (copy[0] ?? 0) ^ 1
  return copy
}

test('doctor --verify finds a flipped bit, a short blob and a missing one, and says what it expected', async (t) => {
  const large = Buffer.alloc(3 * 1024 * 1024 + 7, 'harbour')
  const { server, stored, doctor } = await start(t, NONE, ['sound', large, 'cut short', 'lost'])
  const healthy = await doctor('--verify')
  assert.deepEqual([healthy.status, healthy.stderr], [0, ''])
  assert.match(healthy.stdout, new RegExp(`^Files read +4, ${5 + large.length + 9 + 4} bytes$`, 'm'))

  const pathOf = (index: number) => {
    const key = stored[index]?.key ?? ''
    return join(server.dataDir, 'blobs', key.slice(0, 2), key)
  }
  await writeFile(pathOf(1), flipped(await readFile(pathOf(1))))
  assert.equal((await doctor()).status, 0, 'without reading nothing is to be seen')
  await truncate(pathOf(2), 3)
  await rm(pathOf(3))
  const { status, stdout, stderr } = await doctor('--verify', '--json', '--max-bytes-per-second', 'none')
  assert.deepEqual([status, stderr], [1, ''])
  const { damaged, verified } = JSON.parse(stdout)
  assert.deepEqual(verified, { files: 4, bytes: 5 + large.length + 3 })
  const expected = [
    { index: 1, reason: 'wrong SHA-256', expected: large, found: flipped(large) },
    { index: 2, reason: 'wrong size', expected: 'cut short', found: 'cut' },
    { index: 3, reason: 'bytes missing', expected: 'lost', found: undefined },
  ].map(({ index, reason, expected, found }) => ({
    fileId: stored[index]?.fileId,
    blobKey: stored[index]?.key,
    reason,
    expected: fingerprintOf(expected),
    found: found === undefined ? null : fingerprintOf(found),
    lightfieldId: lightfieldIds.print(stored[index]?.fileId as FileId),
    blobPath: relative(server.dataDir, pathOf(index)),
  }))
  const byId = (a: { fileId?: string }, b: { fileId?: string }) =>
    (a.fileId ?? '').localeCompare(b.fileId ?? '')
  assert.deepEqual(damaged.sort(byId), expected.sort(byId))
  const text = (await doctor('--verify')).stdout
  const { sha256 } = fingerprintOf('cut short')
  assert.match(
    text,
    new RegExp(
      `wrong size\n +${relative(server.dataDir, pathOf(2))}\n +expected 9 bytes with SHA-256 ${sha256}, found 3 bytes with SHA-256 `,
    ),
  )
})

test('doctor --verify reads a bucket, with the rows in PostgreSQL', async (t) => {
  const s3 = await S3TestServer.start()
  t.after(() => s3.stop())
  const stores = { ...s3Settings(s3), ENTREPOT_DATABASE_URL: await newDatabase() } as Settings
  const { stored, doctor } = await start(t, stores, ['sound', 'flipped', 'lost'])
  assert.equal((await doctor('--verify')).status, 0)
  const objectOf = (index: number) => {
    const key = stored[index]?.key ?? ''
    const [name, object] = [...s3.objects].find(([path]) => path.endsWith(key)) ?? assert.fail('it is there')
    return { name, object }
  }
  const { name, object } = objectOf(1)
  const wrong = flipped(Buffer.from('flipped'))
  const body = await readBody(Readable.from([wrong]), wrong.length, () => assert.fail('it is small'))
  s3.objects.set(name, { ...object, body })
  s3.objects.delete(objectOf(2).name)
  const { status, stdout } = await doctor('--verify', '--json')
  const { damaged } = JSON.parse(stdout)
  assert.deepEqual(
    [status, damaged.map(({ reason }: { reason: string }) => reason).sort()],
    [1, ['bytes missing', 'wrong SHA-256']],
  )
})

test('a file that ends while its bytes are read is no finding', async (t) => {
  const { server, client, stored } = await start(t, NONE, ['going', 'staying'])
  const { metadata, blobs } = server.app.services
  const [going] = stored
  const open = blobs.open.bind(blobs)
  t.mock.method(blobs, 'open', async (...args: Parameters<typeof open>) => {
    if (args[0] === going?.key) {
      assert.equal((await client.delete(going.fileId)).status, 204)
      await blobs.delete(going.key)
    }
    return open(...args)
  })
  const found = await verifyBytes({ metadata, blobs }, async () => undefined)
  assert.deepEqual(found, { files: 1, bytes: 'staying'.length, damaged: [] })
})

test('bytes that cannot be read are a finding, a store that is away is not', async (t) => {
  const { server, stored } = await start(t, NONE, ['unreadable', 'sound'])
  const { metadata, blobs } = server.app.services
  const [unreadable] = stored
  const open = blobs.open.bind(blobs)
  const failing = async (...args: Parameters<typeof open>) => {
    if (args[0] === unreadable?.key) throw new StoreError('unavailable', 'EIO')
    return open(...args)
  }
  t.mock.method(blobs, 'open', failing)
  const { damaged } = await verifyBytes({ metadata, blobs }, async () => undefined)
  assert.deepEqual(
    damaged.map(({ fileId, reason, found }) => [fileId, reason, found]),
    [[unreadable?.fileId, 'bytes unreadable', null]],
  )
  t.mock.method(blobs, 'owner', () => Promise.reject(new StoreError('unavailable', 'away')))
  await assert.rejects(
    verifyBytes({ metadata, blobs }, async () => undefined),
    { message: 'away' },
  )
})
