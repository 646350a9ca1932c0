import { ServiceError } from '../errors.ts'
import type { FileId } from '../file-id.ts'
import { SECOND_MS } from '../ports/clock.ts'
import type { MetadataStore } from '../ports/metadata-store.ts'
import type { Services } from '../services.ts'

/** Longer than the flush of what came takes; who waits goes on then, and the offset decides. */
const PATIENCE_MS = 5 * SECOND_MS

interface Writer {
  readonly stopping: AbortController
  readonly ended: Promise<void>
}

/** The appends of one server that are receiving bytes. */
interface Writers {
  readonly byFile: Map<FileId, Set<Writer>>
  isStopping: boolean
}

/** By the store of a server. */
const writersOf = new WeakMap<MetadataStore, Writers>()

function writersAt({ metadata }: Pick<Services, 'metadata'>): Writers {
  const writers = writersOf.get(metadata) ?? { byFile: new Map(), isStopping: false }
  writersOf.set(metadata, writers)
  return writers
}

/** Runs an append; `stop` fires when a newer request asks for the upload, or the server stops. */
export async function asWriter<T>(
  services: Services,
  id: FileId,
  append: (stop: AbortSignal) => Promise<T>,
): Promise<T> {
  const { byFile, isStopping } = writersAt(services)
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  const writer = { stopping: new AbortController(), ended }
  if (isStopping) writer.stopping.abort(serverStops())
  const ofFile = byFile.get(id) ?? new Set()
  byFile.set(id, ofFile.add(writer))
  try {
    return await append(writer.stopping.signal)
  } finally {
    ofFile.delete(writer)
    if (ofFile.size === 0) byFile.delete(id)
    end()
  }
}

/**
 * Asks whoever appends to the upload to keep what came and end: a client that comes again knows that its old connection is
 * dead before we do.
 */
export async function stopWriters(services: Services, id: FileId): Promise<void> {
  const stale = [...(writersAt(services).byFile.get(id) ?? [])]
  await stopped(stale, new Error('a newer request took the upload over'))
}

/** Asks all appends to keep what came and end, and those that begin later to end at once: the server stops. */
export async function stopAllWriters(services: Pick<Services, 'metadata'>): Promise<void> {
  const writers = writersAt(services)
  writers.isStopping = true
  await stopped(
    [...writers.byFile.values()].flatMap((ofFile) => [...ofFile]),
    serverStops(),
  )
}

function serverStops(): ServiceError {
  return new ServiceError('server-stopping', 'The server is stopping; try again.', { retryAfterSeconds: 1 })
}

async function stopped(writers: readonly Writer[], reason: Error): Promise<void> {
  if (writers.length === 0) return
  for (const { stopping } of writers) stopping.abort(reason)
  const { promise: patience, resolve: endPatience } = Promise.withResolvers<void>()
  const timer = setTimeout(endPatience, PATIENCE_MS).unref()
  await Promise.race([Promise.all(writers.map(({ ended }) => ended)), patience])
  clearTimeout(timer)
}
