import { createHash, type Hash } from 'node:crypto'
import { ServiceError } from '../../../core/errors.ts'
import type { FileRecord } from '../../../core/files/file.ts'
import type { Services } from '../../../core/services.ts'
import { offsetOf } from '../../../core/uploads/finish-upload.ts'
import { pacedBody } from '../../../intake/body-source.ts'

/** Bytes of a file whose digest is known. */
interface Span {
  readonly start: number
  readonly end: number
  /** Lower-case hex. */
  readonly sha256: string
}

/** Further ones are not compared. */
const MAX_SPANS = 1000

/**
 * Reads the beginning of a body, whose bytes have come before, up to where the upload goes on. They are compared with what is
 * stored by the digests that it has: of every segment that is repeated whole.
 * @param from where the body begins in the file
 * @returns what follows, to be read once; undefined: the body brings nothing new
 * @throws ServiceError `checksum-mismatch` if the bytes are other ones; what `pacedBody` throws
 */
export async function skipRepeated(
  services: Services,
  file: FileRecord,
  body: AsyncIterable<Uint8Array>,
  from: number,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const comparison = new Comparison(await spansOf(services, file, from), from)
  const chunks = pacedBody(body)
  let repeatedBytes = offsetOf(file) - from
  try {
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
      const repeated = next.value.subarray(0, repeatedBytes)
      comparison.add(repeated)
      repeatedBytes -= repeated.byteLength
      if (repeated.byteLength < next.value.byteLength)
        return joined(next.value.subarray(repeated.byteLength), chunks)
    }
    return undefined
  } catch (error) {
    await chunks.return()
    throw error
  }
}

async function* joined(
  first: Uint8Array,
  rest: AsyncGenerator<Uint8Array, void>,
): AsyncGenerator<Uint8Array, void> {
  yield first
  yield* rest
}

/** Those that begin at `from` or later. */
async function spansOf({ metadata }: Services, file: FileRecord, from: number): Promise<readonly Span[]> {
  const { id, blobKey, blobSizeBytes, sha256 } = file
  if (blobKey !== null)
    return sha256 === null || from > 0 ? [] : [{ start: 0, end: blobSizeBytes ?? 0, sha256 }]
  const segments = await metadata.listSegments(id, from, MAX_SPANS)
  return segments
    .filter(({ start }) => start >= from)
    .map(({ start, sizeBytes, sha256: digest }) => ({ start, end: start + sizeBytes, sha256: digest }))
}

/** Compares bytes with spans while they pass. */
class Comparison {
  readonly #spans: Iterator<Span>
  #span: Span | undefined
  #hash: Hash | undefined
  #position: number

  constructor(spans: readonly Span[], from: number) {
    this.#spans = spans[Symbol.iterator]()
    this.#position = from
    this.#goOn()
  }

  /** @throws ServiceError `checksum-mismatch` */
  add(bytes: Uint8Array): void {
    for (let rest = bytes; rest.byteLength > 0 && this.#span !== undefined; ) {
      const { start, end } = this.#span
      const isBefore = this.#position < start
      const part = rest.subarray(0, (isBefore ? start : end) - this.#position)
      if (!isBefore) this.#hash?.update(part)
      this.#position += part.byteLength
      rest = rest.subarray(part.byteLength)
      if (this.#position === end) this.#judge(this.#span)
    }
  }

  #judge({ end, sha256 }: Span): void {
    if (this.#hash?.digest('hex') !== sha256)
      throw new ServiceError(
        'checksum-mismatch',
        `The bytes before byte ${end} are not those that came first.`,
      )
    this.#goOn()
  }

  #goOn(): void {
    this.#span = this.#spans.next().value
    this.#hash = createHash('sha256')
  }
}
