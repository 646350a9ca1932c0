import type { FileId } from '../core/file-id.ts'
import type { BlobKey } from '../core/ports/blob-store.ts'
import { allDialects } from '../dialects/all.ts'
import { print } from './output.ts'

/** Clients know a file by the id that this one prints. */
const [{ name, fileIds }] = allDialects

/** A file whose bytes are not as recorded. */
interface Damaged {
  readonly fileId: FileId
  readonly blobKey: BlobKey
  readonly reason: string
}

export function printDamaged({ fileId, blobKey, reason }: Damaged): void {
  print(`  ${fileId}  ${fileIds.print(fileId)}  ${reason}`)
  print(`    ${blobPath(blobKey)}`)
}

/** For programs. A backup is looked through by the path, clients know the file by its public id. */
export function named<T extends Damaged>(file: T) {
  return { ...file, [`${name}Id`]: fileIds.print(file.fileId), blobPath: blobPath(file.blobKey) }
}

/** Below the data folder, or below the prefix of a bucket. */
function blobPath(key: BlobKey): string {
  return `blobs/${key.slice(0, 2)}/${key}`
}
