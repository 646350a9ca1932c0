/** A file, and its name with the folders that it was found in. */
export interface Found {
  readonly name: string
  /** Undefined: it could not be read. */
  readonly file: File | undefined
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
  const entries = all.map((item) => item.webkitGetAsEntry())
  // Entries exist for what comes from a disk.
  const loose = all.flatMap((item, at) => (entries[at] === null ? (item.getAsFile() ?? []) : []))
  const others = all.length === 0 ? Array.from(files) : loose
  return batches(
    entries.filter((entry) => entry !== null),
    others,
  )
}

async function* batches(entries: FileSystemEntry[], files: File[]): AsyncGenerator<Found[]> {
  let batch: Found[] = []
  for (let at = 0; at < files.length; at += BATCH) {
    yield found(files.slice(at, at + BATCH))
    await new Promise((resolve) => setTimeout(resolve))
  }
  const left = entries.toReversed()
  for (let entry = left.pop(); entry !== undefined; entry = left.pop()) {
    if (entry.isDirectory) left.push(...(await inside(entry as FileSystemDirectoryEntry)).reverse())
    else batch.push(await fileOf(entry as FileSystemFileEntry))
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

/** Its own name stands before theirs. */
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
