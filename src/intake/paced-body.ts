import { BodySource } from './body-source.ts'

/** A body that is slower than this, averaged over the window, is cut off. */
export interface Pace {
  readonly minBytesPerSecond: number
  readonly minRateWindowSeconds: number
}

/**
 * The chunks of a request's body for somebody who parses them, under a least pace. The request is not destroyed when the
 * parser stops early: an answer may still go out on its socket.
 * @throws ServiceError `body-too-slow`, `body-incomplete`, while iterating
 */
export async function* pacedBody(
  source: AsyncIterable<Uint8Array>,
  pace: Pace,
): AsyncGenerator<Uint8Array, void> {
  const chunks = new BodySource(source, { ...pace, maxBytes: Number.POSITIVE_INFINITY })
  try {
    for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) yield chunk
  } finally {
    chunks.close()
  }
}
