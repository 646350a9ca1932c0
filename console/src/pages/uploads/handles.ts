/*
 * Where files were dropped from, in the browser's database, so that after a reload they can be read again without being chosen
 * again. Only Chromium tells, and only pages of a secure origin (https, or localhost).
 */
import { identityOf, type Source } from './upload.ts'

/** What was dropped, and where in it the file is; itself if the path is empty. */
export interface FileHandle {
  readonly root: FileSystemHandle
  readonly path: readonly string[]
}

declare global {
  interface DataTransferItem {
    getAsFileSystemHandle?(): Promise<FileSystemHandle | null>
  }
  interface FileSystemHandle {
    requestPermission?(descriptor: { readonly mode: 'read' }): Promise<PermissionState>
  }
}

const STORE = 'handles'
/** Of this console: others may be on the same origin, behind other prefixes. */
const DATABASE = `entrepot uploads ${new URL(document.baseURI).pathname}`

/** Does nothing where the browser gives pages no database. */
export async function keepHandle(source: Source, handle: FileHandle): Promise<void> {
  await inStore('readwrite', (store) => store.put(handle, identityOf(source)))
}

export async function forgetHandle(source: Source): Promise<void> {
  await inStore('readwrite', (store) => store.delete(identityOf(source)))
}

export async function handleOf(source: Source): Promise<FileHandle | undefined> {
  return inStore<FileHandle | undefined>('readonly', (store) => store.get(identityOf(source)))
}

/** Asks for the file anew, which the user may have to allow. @returns undefined if it may not be read, or is not there */
export async function fileAt({ root, path }: FileHandle): Promise<File | undefined> {
  try {
    if ((await root.requestPermission?.({ mode: 'read' })) !== 'granted') return undefined
    let handle = root
    for (const [at, name] of path.entries()) {
      const folder = handle as FileSystemDirectoryHandle
      const isLast = at === path.length - 1
      handle = isLast ? await folder.getFileHandle(name) : await folder.getDirectoryHandle(name)
    }
    return await (handle as FileSystemFileHandle).getFile()
  } catch {
    return undefined
  }
}

/** @returns what was asked for; undefined also where there is no database */
function inStore<Result>(
  mode: IDBTransactionMode,
  ask: (store: IDBObjectStore) => IDBRequest<Result>,
): Promise<Result | undefined> {
  return new Promise((resolve) => {
    const giveUp = () => resolve(undefined)
    try {
      const opening = indexedDB.open(DATABASE, 1)
      opening.onerror = giveUp
      opening.onupgradeneeded = () => void opening.result.createObjectStore(STORE)
      opening.onsuccess = () => {
        const database = opening.result
        const transaction = database.transaction(STORE, mode)
        transaction.onabort = giveUp
        transaction.oncomplete = () => database.close()
        const request = ask(transaction.objectStore(STORE))
        request.onsuccess = () => resolve(request.result)
      }
    } catch {
      giveUp()
    }
  })
}
