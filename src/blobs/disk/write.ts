import type { FileHandle } from 'node:fs/promises'
import { StoreError } from '../../core/errors.ts'
import { untilAborted } from '../s3/until-aborted.ts'
import { onDisk } from './errors.ts'
import type { BodyRoom } from './space.ts'

/** How far writing may run ahead of the disk: it keeps the last sync of a large body short. */
const WRITEBACK_BYTES = 32 * 1024 * 1024

/**
 * Writes a body from the start of an empty file and syncs it. Nothing is in flight on the file once the promise
 * settles. What `body` throws is rethrown as it is.
 * @throws StoreError `full`, `aborted`, `unavailable`
 */
export async function writeBody(
  file: FileHandle,
  body: AsyncIterable<Uint8Array>,
  room: BodyRoom,
  signal: AbortSignal | undefined,
): Promise<number> {
  let sizeBytes = 0
  let sizeAtWriteback = 0
  let writeback: Promise<void> = Promise.resolve()
  try {
    for await (const chunk of untilAborted(body, signal)) {
      if (!room.has(chunk.byteLength)) await room.extend(chunk.byteLength)
      await writeAll(file, chunk, sizeBytes)
      room.wrote(chunk.byteLength)
      sizeBytes += chunk.byteLength
      if (sizeBytes - sizeAtWriteback < WRITEBACK_BYTES) continue
      await writeback
      sizeAtWriteback = sizeBytes
      writeback = syncData(file)
      // Its failure is met at the next await of it; until then it must not count as unhandled.
      writeback.catch(() => {})
    }
  } finally {
    await writeback.catch(() => {})
  }
  await writeback
  await syncData(file)
  return sizeBytes
}

/** The size is synced with the data; only times may be lost, and nobody reads them. */
function syncData(file: FileHandle): Promise<void> {
  return onDisk('sync the bytes', file.datasync())
}

/** A write may be short without an error: on a full disk the next one tells why. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0
  while (done < bytes.byteLength) {
    const write = file.write(bytes, done, bytes.byteLength - done, position + done)
    const { bytesWritten } = await onDisk('write the bytes', write)
    if (bytesWritten === 0) throw new StoreError('unavailable', 'cannot write the bytes: the disk takes none')
    done += bytesWritten
  }
}
