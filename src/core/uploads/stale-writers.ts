import type { FileId } from '../file-id.ts'
import { SECOND_MS } from '../ports/clock.ts'

/** Longer than the flush of what came takes; who waits goes on then, and the offset decides. */
const PATIENCE_MS = 5 * SECOND_MS

interface Writer {
  readonly stopping: AbortController
  readonly ended: Promise<void>
}

/** The appends of this process that are receiving bytes. Ids of files are unique, whatever the installation. */
const writers = new Map<FileId, Set<Writer>>()

/** Runs an append; `stop` fires when a newer request asks for the upload. */
export async function asWriter<T>(id: FileId, append: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  const writer = { stopping: new AbortController(), ended }
  const ofFile = writers.get(id) ?? new Set()
  writers.set(id, ofFile.add(writer))
  try {
    return await append(writer.stopping.signal)
  } finally {
    ofFile.delete(writer)
    if (ofFile.size === 0) writers.delete(id)
    end()
  }
}

/**
 * Asks whoever appends to the upload to keep what came and end: a client that comes again knows that its old connection is
 * dead before we do.
 */
export async function stopWriters(id: FileId): Promise<void> {
  const stale = [...(writers.get(id) ?? [])]
  if (stale.length === 0) return
  for (const { stopping } of stale) stopping.abort(new Error('a newer request took the upload over'))
  const { promise: patience, resolve: endPatience } = Promise.withResolvers<void>()
  const timer = setTimeout(endPatience, PATIENCE_MS).unref()
  await Promise.race([Promise.all(stale.map(({ ended }) => ended)), patience])
  clearTimeout(timer)
}
