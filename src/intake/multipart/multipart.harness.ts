import type { WholePart } from './multipart.reference.ts'
import { type MultipartOptions, parseMultipart } from './multipart.ts'

export const formType = 'multipart/form-data; boundary=b'
export const malformed = { name: 'ServiceError', code: 'request-malformed' }

/** One part of a body whose boundary is `b`, with the line end after it. */
export function part(header: string, content: string): string {
  return `--b\r\n${header}\r\n\r\n${content}\r\n`
}

export function field(name: string, value: string): string {
  return part(`Content-Disposition: form-data; name="${name}"`, value)
}

export function file(filename: string, content: string): string {
  return part(`Content-Disposition: form-data; name="file"; filename="${filename}"`, content)
}

/** Parses a body, by default with boundary `b` and cut after its seventh byte. */
export function parse(
  body: string | Buffer,
  limits?: MultipartOptions,
  contentType = formType,
  cuts = [7],
): Promise<WholePart[]> {
  return readWhole(contentType, chunked(Buffer.from(body), cuts), limits)
}

/**
 * The body in chunks that end at the given offsets, which ascend. Each chunk is overwritten as soon as the
 * next is asked for, so whoever holds on to one gives himself away.
 */
export async function* chunked(body: Uint8Array, offsets: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0
  for (const end of [...offsets, body.length]) {
    const chunk = Uint8Array.from(body.subarray(start, end))
    yield chunk
    chunk.fill(0x58)
    start = end
  }
}

/** Parses to the end with everything in memory, in the reference's words. */
export async function readWhole(
  contentType: string | undefined,
  source: AsyncIterable<Uint8Array>,
  limits?: MultipartOptions,
): Promise<WholePart[]> {
  const parts: WholePart[] = []
  for await (const part of parseMultipart(contentType, source, limits)) {
    const { name } = part
    if (part.kind === 'field') {
      parts.push({ name, filename: undefined, contentType: undefined, content: Buffer.from(part.value) })
    } else {
      const { filename, contentType, body } = part
      parts.push({ name, filename, contentType, content: await gather(body) })
    }
  }
  return parts
}

export async function gather(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const copies: Buffer[] = []
  for await (const chunk of body) copies.push(Buffer.from(chunk))
  return Buffer.concat(copies)
}

/** A source that never ends. */
export async function* endless(start: Uint8Array, chunk: Uint8Array): AsyncGenerator<Uint8Array> {
  yield start
  for (;;) yield chunk
}
