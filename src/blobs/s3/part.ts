import type { Readable } from 'node:stream'
import type { BodyPart } from './body-part.ts'

/** What a command that stores a part is made of. */
export interface PartInput {
  readonly Body: Uint8Array<ArrayBuffer> | Readable
  readonly ContentLength: number
}

export type SendPart<T> = (input: PartInput, http: { readonly abortSignal: AbortSignal }) => Promise<T>

const payloadHashes = new WeakMap<object, string>()

/** The SHA-256 of a stream that `sendPart` made, in hexadecimal: requests are signed by it. */
export function payloadHashOf(body: object): string | undefined {
  return payloadHashes.get(body)
}

/** Sends a part once. Another attempt reads the same bytes again. */
export async function sendPart<T>(part: BodyPart, abortSignal: AbortSignal, send: SendPart<T>): Promise<T> {
  const body = part.read()
  const input = { Body: body, ContentLength: part.sizeBytes }
  if (body instanceof Uint8Array) return send(input, { abortSignal })
  payloadHashes.set(body, part.sha256 ?? '')
  // The SDK would wait for the bytes of a stream that has failed.
  const failure = new AbortController()
  body.once('error', (error) => failure.abort(error))
  try {
    return await send(input, { abortSignal: AbortSignal.any([abortSignal, failure.signal]) })
  } catch (error) {
    throw failure.signal.aborted ? failure.signal.reason : error
  } finally {
    body.destroy()
  }
}
