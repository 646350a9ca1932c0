import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a folder and its parents, for their owner alone. Node's own recursive mkdir never ends where nothing can be made
 * (`HOME=/proc/x`). @throws Error of the system call
 */
export function makeOwnFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    makeOwnFolder(dirname(path))
    mkdirSync(path, { mode: 0o700 })
  }
}
