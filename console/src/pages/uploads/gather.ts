import type { FileHandle } from './handles.ts'

/** A file, and its name with the folders that it was found in. */
export interface Found {
  readonly name: string
  /** Undefined: it could not be read. */
  readonly file: File | undefined
  /** Where it can be read from after a reload, where the browser tells. */
  readonly handle?: FileHandle
}

/** What was dropped, as long as the event lasts. */
interface Dropped {
  readonly entry: FileSystemEntry
  readonly handle: Promise<FileSystemHandle | null> | undefined
}

/** As many as are entered together, so that a large folder does not hold up the page. */
const BATCH = 200

/** Lets the user choose files, or a folder with all that is in it. Nothing happens where the user chooses none. */
export function chooseFiles(what: 'files' | 'file' | 'folder', onChosen: (found: Found[]) => void): void {
  const input = document.createElement('input')
  input.type = 'file'
  input.multiple = what === 'files'
  input.webkitdirectory = what === 'folder'
  input.addEventListener('change', () => onChosen(found(input.files ?? [])))
  input.click()
}

export function found(files: Iterable<File>): Found[] {
  return Array.from(files, (file) => ({ name: file.webkitRelativePath || file.name, file }))
}

/** What was dropped, and all that is in folders that were. To be called while the event is handled: later it tells nothing. */
export function filesOf({ items, files }: DataTransfer): AsyncIterable<Found[]> {
  const all = Array.from(items).filter(({ kind }) => kind === 'file')
  const dropped: Dropped[] = []
  // Entries exist for what comes from a disk.
  const loose: File[] = []
  for (const item of all) {
    const entry = item.webkitGetAsEntry()
    const file = entry === null ? item.getAsFile() : null
    if (entry !== null) dropped.push({ entry, handle: item.getAsFileSystemHandle?.().catch(() => null) })
    if (file !== null) loose.push(file)
  }
  return batches(dropped, all.length === 0 ? Array.from(files) : loose)
}

async function* batches(dropped: readonly Dropped[], files: File[]): AsyncGenerator<Found[]> {
  for (let at = 0; at < files.length; at += BATCH) {
    yield found(files.slice(at, at + BATCH))
    await new Promise((resolve) => setTimeout(resolve))
  }
  let batch: Found[] = []
  for (const { entry, handle } of dropped) {
    const root = await handle
    for await (const file of filesIn(entry)) {
      const path = file.name.split('/').slice(1)
      batch.push(root ? { ...file, handle: { root, path } } : file)
      if (batch.length < BATCH) continue
      yield batch
      batch = []
    }
  }
  if (batch.length > 0) yield batch
}

/** The file that it is, or all that are in the folder that it is. */
async function* filesIn(entry: FileSystemEntry): AsyncGenerator<Found> {
  const left = [entry]
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (next.isDirectory) left.push(...(await inside(next as FileSystemDirectoryEntry)).reverse())
    else yield await fileOf(next as FileSystemFileEntry)
  }
}

async function inside(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader()
  const entries: FileSystemEntry[] = []
  for (;;) {
    // Some at a time, until there are none.
    const some = await new Promise<FileSystemEntry[]>((resolve) =>
      reader.readEntries(resolve, () => resolve([])),
    )
    if (some.length === 0) return entries
    entries.push(...some)
  }
}

async function fileOf(entry: FileSystemFileEntry): Promise<Found> {
  const file = await new Promise<File | undefined>((resolve) => entry.file(resolve, () => resolve(undefined)))
  return { name: entry.fullPath.slice(1), file }
}
