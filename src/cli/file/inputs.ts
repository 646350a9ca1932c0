import { readdir, stat } from 'node:fs/promises'
import { basename, join, relative, resolve, sep } from 'node:path'
import { Failure, systemFailure } from '../failure.ts'

/** Something to upload. */
export interface Input {
  /** `-` is the standard input. */
  readonly path: string
  /** What the file is called on the server. */
  readonly name: string
  /** Undefined: of what can only be read to its end. */
  readonly stored: { readonly sizeBytes: number; readonly modifiedMs: number } | undefined
}

export const STDIN = '-'

/**
 * What the paths of a command stand for. Files in a folder are called as they are in it, behind its name: `docs/a/b.txt`.
 * @throws Failure if a path is not there, or is a folder and `recursive` is false
 */
export async function inputsOf(paths: readonly string[], recursive: boolean): Promise<readonly Input[]> {
  const inputs: Input[] = []
  for (const path of paths) {
    if (path === STDIN) inputs.push({ path, name: 'stdin', stored: undefined })
    else inputs.push(...(await inputsAt(path, recursive)))
  }
  return inputs
}

async function inputsAt(path: string, recursive: boolean): Promise<readonly Input[]> {
  const found = await stat(path).catch((error) => {
    throw systemFailure(path, error)
  })
  if (!found.isDirectory()) return [await inputAt(path, basename(path))]
  if (!recursive) throw new Failure(`${path} is a folder: --recursive uploads the files in it.`)
  const inputs: Input[] = []
  const root = resolve(path)
  for (const file of await filesBelow(root)) {
    const name = [basename(root), ...relative(root, file).split(sep)].join('/')
    inputs.push(await inputAt(file, name))
  }
  if (inputs.length === 0) throw new Failure(`${path} has no files in it.`)
  return inputs
}

/** Links to files count as files; links to folders are not followed, since they may lead in circles. */
async function filesBelow(root: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(root, { recursive: true, withFileTypes: true })
    const found: string[] = []
    for (const entry of entries) {
      const path = join(entry.parentPath, entry.name)
      if (entry.isFile() || (entry.isSymbolicLink() && (await stat(path)).isFile())) found.push(path)
    }
    return found.sort()
  } catch (error) {
    // A folder in it that cannot be read, or a link that leads nowhere.
    throw systemFailure((error as NodeJS.ErrnoException).path ?? root, error)
  }
}

async function inputAt(path: string, name: string): Promise<Input> {
  const { size, mtimeMs, isFile } = await statOf(path)
  return { path, name, stored: isFile ? { sizeBytes: size, modifiedMs: mtimeMs } : undefined }
}

async function statOf(path: string) {
  try {
    const found = await stat(path)
    return { size: found.size, mtimeMs: found.mtimeMs, isFile: found.isFile() }
  } catch (error) {
    throw systemFailure(path, error)
  }
}
