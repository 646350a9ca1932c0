import type { BlobKey } from '../../core/ports/blob-store.ts'
import type { DamagedFile } from '../../core/upkeep/referenced-blobs.ts'
import { allDialects } from '../../dialects/all.ts'
import { print } from '../output.ts'

/** Clients know a file by the id that this one prints. */
const [{ name, fileIds }] = allDialects

export function printDamaged({ fileId, blobKey, reason }: DamagedFile): void {
  print(`  ${fileId}  ${fileIds.print(fileId)}  ${reason}`)
  print(`    ${blobPath(blobKey) ?? 'in the database, or in several blobs'}`)
}

/** For programs. A backup is looked through by the path, clients know the file by its public id. */
export function named<T extends DamagedFile>(file: T) {
  return { ...file, [`${name}Id`]: fileIds.print(file.fileId), blobPath: blobPath(file.blobKey) }
}

/** Below the data folder, or below the prefix of a bucket. */
function blobPath(key: BlobKey | null): string | null {
  return key && `blobs/${key.slice(0, 2)}/${key}`
}
