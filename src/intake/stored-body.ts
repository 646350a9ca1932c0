import { ServiceError } from '../core/errors.ts'
import type { FileRecord } from '../core/files/file.ts'
import type { IncomingBody } from '../core/incoming-body.ts'
import type { Holding } from '../core/limits/fair-budget.ts'
import { receiveBody } from './body.ts'

/** A store is not a client: it is waited for as long as it takes itself. */
const NO_PACE = { minBytesPerSecond: 0, minRateWindowSeconds: 30 }
/** Bodies keep chunks up to this size beyond their turn. */
const KEPT_BYTES = 64 * 1024

/**
 * The bytes of a stored file as a body: read again, and compared with their SHA-256. Iterating throws ServiceError `bytes-lost`
 * where they are others, the reason of `stop`, and what `bytes` throws.
 */
export function storedBody(
  bytes: AsyncIterable<Uint8Array>,
  { sizeBytes, sha256, md5 }: Pick<FileRecord, 'sizeBytes' | 'sha256' | 'md5'>,
  memory: Holding,
  stop: AbortSignal,
): IncomingBody {
  const limits = { maxBytes: sizeBytes, pace: NO_PACE, stop }
  const check = (found: { readonly sha256: string }) => {
    if (found.sha256 === sha256) return
    throw new ServiceError('bytes-lost', 'The bytes of this file are damaged.')
  }
  const body = receiveBody(owned(bytes), limits, { md5: false, check }, 'kept', memory)
  return {
    // The same bytes have the same MD5.
    digests: () => ({ ...body.digests(), md5 }),
    whole: undefined,
    brokenBy: undefined,
    [Symbol.asyncIterator]: () => body[Symbol.asyncIterator](),
  }
}

/** A store may use the memory of a chunk again. */
async function* owned(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks) yield chunk.byteLength > KEPT_BYTES ? chunk : Uint8Array.from(chunk)
}
