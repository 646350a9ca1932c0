import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { LightfieldClient } from '../lightfield-client.ts'

/** What is deferred first is undone last: the server ends before its disk is unmounted. */
export function disposedAfter(t: TestContext): AsyncDisposableStack {
  const resources = new AsyncDisposableStack()
  t.after(() => resources.disposeAsync())
  return resources
}

/** A file system in memory; undefined, with the reason printed, where mounting is not allowed. */
export async function mountSmallDisk(
  t: TestContext,
  resources: AsyncDisposableStack,
  mebibytes: number,
): Promise<string | undefined> {
  const disk = await mkdtemp(join(tmpdir(), 'entrepot-disk-'))
  resources.defer(() => rm(disk, { recursive: true, force: true }))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', disk], { stdio: 'pipe' })
  } catch (error) {
    t.skip(`cannot mount a small disk: ${(error as Error).message.trim()}`)
    return undefined
  }
  resources.defer(() => void execFileSync('umount', [disk]))
  return disk
}

/** Takes all the space but `leaveBytes`. */
export async function fill(path: string, leaveBytes: number): Promise<void> {
  const block = Buffer.alloc(64 * 1024)
  for (;;) {
    const room = (await roomOn(join(path, '..'))) - leaveBytes
    if (room <= 0) return
    await writeFile(path, block.subarray(0, Math.min(block.length, room)), { flag: 'a' }).catch(
      () => undefined,
    )
  }
}

export async function roomOn(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** Uses up what room the database has in its files. */
export async function createUntilRefused(client: LightfieldClient): Promise<void> {
  for (;;) {
    const answers = await Promise.all(Array.from({ length: 50 }, () => client.create()))
    const refused = answers.find(({ status }) => status !== 200)
    if (refused === undefined) continue
    assert.equal(refused.status, 503, refused.text)
    return
  }
}
