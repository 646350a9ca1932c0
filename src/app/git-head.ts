import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const HASH = /^[0-9a-f]{40}([0-9a-f]{24})?$/

/**
 * The commit that a folder is a checkout of, as Git's own files tell it (gitrepository-layout(5)): Git may not be
 * installed. Undefined if the folder itself is no checkout, or one that is kept otherwise.
 */
export function headOf(root: URL): string | undefined {
  const path = fileURLToPath(root)
  // In a worktree `.git` is a file that names the folder, which shares its branches with that of the repository.
  const folder = resolve(path, /^gitdir: (.*)$/m.exec(read(join(path, '.git')) ?? '')?.[1] ?? '.git')
  const shared = resolve(folder, read(join(folder, 'commondir'))?.trim() ?? '')
  const head = read(join(folder, 'HEAD'))?.trim() ?? ''
  const branch = /^ref: (.*)$/.exec(head)?.[1]
  const commit = branch === undefined ? head : (read(join(shared, branch))?.trim() ?? packed(shared, branch))
  return HASH.test(commit ?? '') ? commit : undefined
}

function packed(folder: string, branch: string): string | undefined {
  const lines = read(join(folder, 'packed-refs'))?.split('\n') ?? []
  return lines.find((line) => line.endsWith(` ${branch}`))?.split(' ')[0]
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
