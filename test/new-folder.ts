import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const made: string[] = []

/**
 * A new, empty folder for temporary files, whose name begins with `prefix`. It is removed when this process ends: a server
 * that still runs as its test ends would write into it, and hooks run in the order in which they were added.
 * @returns its path
 */
export function newFolder(prefix: string): string {
  const path = mkdtempSync(join(tmpdir(), prefix))
  if (made.push(path) === 1) process.once('exit', removeAll)
  return path
}

function removeAll(): void {
  for (const path of made) rmSync(path, { recursive: true, force: true })
}
