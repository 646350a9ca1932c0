import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, statfs, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { describeBlobStore } from '../blob-store.conformance.ts'
import { listed, newKey, pieces, read } from '../blob-store.samples.ts'
import { DiskBlobStore } from './disk-blob-store.ts'

const root = await mkdtemp(join(tmpdir(), 'disk-blob-store-'))
after(() => rm(root, { recursive: true, force: true }))

function newFolder(): string {
  return join(root, newKey())
}

async function openStore() {
  const folder = newFolder()
  return { folder, store: await DiskBlobStore.open(folder) }
}

describeBlobStore('the disk store', async () => (await openStore()).store)

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8)
}

test('creates its folders, with parents, for the owner alone', async () => {
  const folder = join(newFolder(), 'deep', 'down')
  await DiskBlobStore.open(folder)
  assert.equal(await modeOf(folder), '700')
  assert.equal(await modeOf(join(folder, 'staging')), '700')
  assert.equal(await modeOf(join(folder, 'blobs')), '700')
})

test('makes a shard with its first blob, for the owner alone', async () => {
  const { folder, store } = await openStore()
  assert.deepEqual(await readdir(join(folder, 'blobs')), [])
  const keys = ['7f', '7f', '80'].map((shard) => shard + newKey().slice(2))
  await Promise.all(keys.map((key) => store.put(key, pieces('x'))))
  assert.deepEqual((await readdir(join(folder, 'blobs'))).sort(), ['7f', '80'])
  assert.equal(await modeOf(join(folder, 'blobs', '7f')), '700')
  assert.deepEqual(new Set((await listed(store)).map(({ key }) => key)), new Set(keys))
})

test('opens a folder again with all it holds', async () => {
  const { folder, store } = await openStore()
  const key = newKey()
  await store.put(key, pieces('kept'))
  await store.claim('the first')
  const again = await DiskBlobStore.open(folder)
  assert.equal((await read(again, key)).toString(), 'kept')
  assert.equal(await again.claim('the second'), 'the first')
})

test('mends a folder that lost some of its shards', async () => {
  const { folder, store } = await openStore()
  const keys = [0, 1].map(() => `7f${newKey().slice(2)}`)
  await store.put(keys[0] ?? '', pieces('x'))
  await rm(join(folder, 'blobs', '7f'), { recursive: true })
  await (await DiskBlobStore.open(folder)).put(keys[1] ?? '', pieces('x'))
  assert.equal(await modeOf(join(folder, 'blobs', '7f')), '700')
})

test('answers unavailable when its folder is a file', async () => {
  const path = newFolder()
  await writeFile(path, '')
  await assert.rejects(DiskBlobStore.open(path), { name: 'StoreError', code: 'unavailable' })
})

test('keeps a blob in its shard, for the owner alone', async () => {
  const { folder, store } = await openStore()
  const key = newKey()
  await store.put(key, pieces('x'))
  assert.equal(await modeOf(join(folder, 'blobs', key.slice(0, 2), key)), '600')
  assert.deepEqual(await readdir(join(folder, 'staging')), [])
})

test('writes nothing through a planted link', async () => {
  const { folder, store } = await openStore()
  const [key, victim] = [newKey(), join(root, newKey())]
  await writeFile(victim, 'precious')
  await symlink(victim, join(folder, 'staging', key))
  await assert.rejects(store.put(key, pieces('evil')), { code: 'refused' })
  assert.equal(await readFile(victim, 'utf8'), 'precious')
})

test('reads nothing through a planted link', async () => {
  const { folder, store } = await openStore()
  const key = newKey()
  await mkdir(join(folder, 'blobs', key.slice(0, 2)))
  await symlink('/etc/hostname', join(folder, 'blobs', key.slice(0, 2), key))
  await assert.rejects(store.open(key), { code: 'missing' })
})

test('does not wait for a planted pipe', async () => {
  const { folder, store } = await openStore()
  const key = newKey()
  await mkdir(join(folder, 'blobs', key.slice(0, 2)))
  execFileSync('mkfifo', [join(folder, 'blobs', key.slice(0, 2), key)])
  await assert.rejects(store.open(key), { code: 'missing' })
})

test('refuses a key that would lead out of its folder', async () => {
  const { store } = await openStore()
  for (const key of ['../../etc/passwd', '', 'ABCDEF00112233445566778899aabbcc', `${newKey()}/x`]) {
    await assert.rejects(store.put(key, pieces('x')), { code: 'refused' })
    await assert.rejects(store.open(key), { code: 'refused' })
    await assert.rejects(store.delete(key), { code: 'refused' })
  }
})

test('lists what a crash left in staging, and deletes it', async () => {
  const { folder, store } = await openStore()
  const key = newKey()
  await writeFile(join(folder, 'staging', key), 'half')
  assert.deepEqual(await listed(store), [{ key, sizeBytes: 4, published: false }])
  await store.delete(key)
  assert.deepEqual(await readdir(join(folder, 'staging')), [])
})

test('leaves foreign files alone', async () => {
  const { folder, store } = await openStore()
  await writeFile(join(folder, 'staging', 'lost+found'), '')
  await mkdir(join(folder, 'blobs', '00'))
  await writeFile(join(folder, 'blobs', '00', '.nfs0001'), '')
  assert.deepEqual(await listed(store), [])
})

test('answers unavailable and leaves nothing when its shard is gone', async () => {
  const { folder, store } = await openStore()
  const key = newKey()
  await store.put(`${key.slice(0, 2)}${newKey().slice(2)}`, pieces('x'))
  await rm(join(folder, 'blobs', key.slice(0, 2)), { recursive: true })
  await assert.rejects(store.put(key, pieces('x')), { code: 'unavailable' })
  assert.deepEqual(await readdir(join(folder, 'staging')), [])
})

test('holds back the reserve', async () => {
  const folder = newFolder()
  const { bavail, bsize } = await statfs(tmpdir())
  // Others write to this disk, too.
  const nearlyAll = bavail * bsize - 16 * 1024 * 1024
  const hasRoom = async (options: { reserveBytes?: number; wantedByOthers?: () => number }) =>
    (await DiskBlobStore.open(folder, options)).hasRoomFor(nearlyAll)
  assert.equal(await hasRoom({ reserveBytes: 0 }), true)
  assert.equal(await hasRoom({}), false)
  assert.equal(await hasRoom({ reserveBytes: 0, wantedByOthers: () => 2 ** 30 }), false)
})

test('checks that it can write', async () => {
  const { folder, store } = await openStore()
  await store.check()
  assert.deepEqual(await readdir(join(folder, 'staging')), [])
  await rm(join(folder, 'staging'), { recursive: true })
  await assert.rejects(store.check(), { name: 'StoreError', code: 'unavailable' })
})

/** Puts 3 MiB, in chunks that cross the limit, where no file may pass 2.5 MiB; prints what came of it. */
const putBeyondTheLimit = `
  const { DiskBlobStore } = await import(process.env.MODULE)
  const store = await DiskBlobStore.open(process.env.FOLDER)
  async function* body() { for (let i = 0; i < 3; i++) yield Buffer.alloc(1024 * 1024, 'x') }
  const outcome = await store.put('0123456789abcdef0123456789abcdef', body()).then(() => 'stored', (error) => error.code)
  console.log(outcome)
`

test('answers full and leaves nothing when a write comes up short', async (context) => {
  const folder = newFolder()
  const limited = ['-c', 'ulimit -f 2560 && exec "$0" --input-type=module -e "$1"', process.execPath]
  const { status, stdout, stderr } = spawnSync('bash', [...limited, putBeyondTheLimit], {
    env: { ...process.env, MODULE: new URL('./disk-blob-store.ts', import.meta.url).href, FOLDER: folder },
    encoding: 'utf8',
  })
  if (status !== 0) return context.skip(`no shell that limits file sizes: ${stderr.trim()}`)
  assert.equal(stdout.trim(), 'full')
  assert.deepEqual(await listed(await DiskBlobStore.open(folder)), [])
  assert.deepEqual(await readdir(join(folder, 'staging')), [])
})
