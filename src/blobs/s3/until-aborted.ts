import { StoreError } from '../../core/errors.ts'

/**
 * The chunks of a body. Throws StoreError `aborted` as soon as the signal fires, even while the body waits; what the
 * body throws is rethrown as it is.
 */
export async function* untilAborted(
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const abort = Promise.withResolvers<never>()
  abort.promise.catch(() => {})
  const onAbort = () => abort.reject(abortedError(signal))
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  const chunks = body[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await Promise.race([abort.promise, chunks.next()])
      if (next.done) return
      yield next.value
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    // Not awaited: a body that waits for its client may take long to notice.
    chunks.return?.().catch(() => {})
  }
}

export function abortedError(signal: AbortSignal | undefined): StoreError {
  return new StoreError('aborted', 'the upload was aborted', signal?.reason)
}
