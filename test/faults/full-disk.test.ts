import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Answer, ApiClient, type CreatedBody } from './api-client.ts'
import { checkEntries } from './check-answers.ts'
import { checkStores, reconcileAhead } from './check-stores.ts'
import { Ledger } from './ledger.ts'
import { putFile } from './put-file.ts'
import { ServerProcess } from './server-process.ts'

const MEBIBYTE = 1024 * 1024
const DISK_MEBIBYTES = 24

test('a full disk refuses uploads clearly, keeps what it has, and recovers', async (t) => {
  const resources = disposedAfter(t)
  const disk = await mountSmallDisk(t, resources)
  if (disk === undefined) return
  const dataDir = join(disk, 'data')
  await mkdir(dataDir)
  const { server, client, ledger } = await start(resources, dataDir)
  await putFile(client, ledger, 'before.bin', MEBIBYTE)

  // Room for the rows, none for the bytes.
  await fill(join(disk, 'ballast'), MEBIBYTE / 2)
  for (let n = 0; n < 20; n++) expectRefusal(await tryUpload(client, 2 * MEBIBYTE))
  // Room for nothing at all.
  await fill(join(disk, 'more-ballast'), 0)
  for (let n = 0; n < 20; n++) expectRefusal(await tryUpload(client, 2 * MEBIBYTE))
  assert.deepEqual(await readdir(join(dataDir, 'staging')), [])
  assert.deepEqual(await checkEntries(client, ledger.entries), [])

  await rm(join(disk, 'ballast'))
  // Absent if the refused uploads had left nothing to fill.
  await rm(join(disk, 'more-ballast'), { force: true })
  await putFile(client, ledger, 'after.bin', 4 * MEBIBYTE)
  assert.deepEqual(await checkEntries(client, ledger.entries), [])
  assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null }, server.output)
  await reconcileAhead(dataDir)
  assert.deepEqual(await checkStores(dataDir), [])
})

test('a file size limit of the system refuses a large upload and takes a smaller one', async (t) => {
  if (process.platform !== 'linux') return t.skip('ulimit -f counts differently here')
  const resources = disposedAfter(t)
  const dataDir = await mkdtemp(join(tmpdir(), 'entrepot-limit-'))
  resources.defer(() => rm(dataDir, { recursive: true, force: true }))
  // In KiB, bash's unit: writing beyond it fails with EFBIG, after a short write that tells nothing.
  const { server, client, ledger } = await start(resources, dataDir, `ulimit -f ${8 * 1024}`)
  for (let n = 0; n < 5; n++) expectRefusal(await tryUpload(client, 9 * MEBIBYTE))
  assert.deepEqual(await readdir(join(dataDir, 'staging')), [])
  await putFile(client, ledger, 'small.bin', MEBIBYTE)
  assert.deepEqual(await checkEntries(client, ledger.entries), [])
  assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null }, server.output)
  await reconcileAhead(dataDir)
  assert.deepEqual(await checkStores(dataDir), [])
})

/** What is deferred first is undone last: the server ends before its disk is unmounted. */
function disposedAfter(t: TestContext): AsyncDisposableStack {
  const resources = new AsyncDisposableStack()
  t.after(() => resources.disposeAsync())
  return resources
}

async function start(resources: AsyncDisposableStack, dataDir: string, shellPrelude?: string) {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-full-'))
  resources.defer(() => rm(folder, { recursive: true, force: true }))
  const ledger = await Ledger.open(join(folder, 'ledger'))
  resources.defer(() => ledger.close())
  const server = await ServerProcess.start(
    shellPrelude === undefined ? { dataDir } : { dataDir, shellPrelude },
  )
  resources.defer(async () => void (await server.end('SIGKILL')))
  return { server, client: new ApiClient(server.url), ledger }
}

/** A file system in memory; undefined, with the reason printed, where mounting is not allowed. */
async function mountSmallDisk(t: TestContext, resources: AsyncDisposableStack): Promise<string | undefined> {
  const disk = await mkdtemp(join(tmpdir(), 'entrepot-disk-'))
  resources.defer(() => rm(disk, { recursive: true, force: true }))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MEBIBYTES}m`, 'tmpfs', disk], { stdio: 'pipe' })
  } catch (error) {
    t.skip(`cannot mount a small disk: ${(error as Error).message.trim()}`)
    return undefined
  }
  resources.defer(() => void execFileSync('umount', [disk]))
  return disk
}

/** Takes all the space but `leaveBytes`. */
async function fill(path: string, leaveBytes: number): Promise<void> {
  const block = Buffer.alloc(64 * 1024)
  for (;;) {
    const { bavail, bsize } = await statfs(join(path, '..'))
    const room = bavail * bsize - leaveBytes
    if (room <= 0) return
    await writeFile(path, block.subarray(0, Math.min(block.length, room)), { flag: 'a' }).catch(
      () => undefined,
    )
  }
}

/** The first answer that is not a success, or the last. */
async function tryUpload(client: ApiClient, sizeBytes: number): Promise<Answer> {
  const file = { filename: 'refused.bin', mimeType: 'text/plain', sizeBytes }
  const created = await client.create(file)
  if (created.status !== 200) return created
  const { id, uploadUrl } = JSON.parse(created.text) as CreatedBody
  const put = await client.put(uploadUrl, file.mimeType, Buffer.alloc(sizeBytes))
  return put.status === 200 ? client.complete(id) : put
}

/** No space, and said so; never an acknowledgement, never a crash that looks like ours. */
function expectRefusal({ status, text }: Answer): void {
  assert.ok(status === 507 || status === 503, `answered ${status} ${text}`)
  assert.match(text, /"error"/)
}
