import { constants } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { closingAfter } from '../../core/closing.ts'
import { errnoOf } from './errors.ts'

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
    if (await makeFolder(path)) await syncFolder(dirname(path))
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || dirname(path) === path) throw error
    await ensureFolder(dirname(path))
    await ensureFolder(path)
  }
}

async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 })
    return true
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false
    throw error
  }
}
