import { constants, mkdirSync } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { closingAfter } from '../core/closing.ts'
import { errnoOf } from './disk-errors.ts'

/** Makes the names in a folder durable: those that were added as well as those that were removed. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  await closingAfter(
    () => folder.close(),
    () => folder.sync(),
  )
}

/** Creates a folder and its parents, durably. Does nothing where it exists. */
export async function ensureFolder(path: string): Promise<void> {
  try {
    if (makeFolder(path)) await syncFolder(dirname(path))
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || dirname(path) === path) throw error
    await ensureFolder(dirname(path))
    await ensureFolder(path)
  }
}

/** Creates those of the named sub-folders that are missing, with one sync for all of them. */
export async function ensureSubfolders(parent: string, names: readonly string[]): Promise<void> {
  const present = new Set(await readdir(parent))
  const missing = names.filter((name) => !present.has(name))
  for (const name of missing) makeFolder(join(parent, name))
  if (missing.length > 0) await syncFolder(parent)
}

/** Takes microseconds; as a task of the thread pool it would take ten times as long. */
function makeFolder(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 })
    return true
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false
    throw error
  }
}
