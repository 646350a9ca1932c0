import { isUtf8 } from 'node:buffer'
import { type PartHeader, parseBoundary, parsePartHeader } from './multipart-headers.ts'
import { malformed } from './multipart-malformed.ts'
import { MultipartScanner } from './multipart-scanner.ts'

export interface FieldPart {
  readonly kind: 'field'
  readonly name: string
  readonly value: string
}

export interface FilePart {
  readonly kind: 'file'
  readonly name: string
  /** As the client wrote it: may be empty, hold slashes or be up to a header long; never a control character. */
  readonly filename: string
  readonly contentType: string | undefined
  /**
   * Read once, and before the next part is asked for. A chunk's memory may be reused once the next is asked
   * for. Ending normally means only that the file is whole: the form is good once every part has been read.
   */
  readonly body: AsyncIterable<Uint8Array>
}

export type Part = FieldPart | FilePart

export interface MultipartLimits {
  readonly parts: number
  readonly files: number
  /** Per part, line ends and the blank line included. */
  readonly headerBytes: number
  readonly headerLines: number
  readonly fieldBytes: number
  /** Blanks and line ends before the first boundary and its line end; anything else there is refused. */
  readonly preambleBytes: number
  /** The same after the last boundary. */
  readonly epilogueBytes: number
  /** The whole body, boundaries and headers included, as counted. */
  readonly bodyBytes: number
}

export const defaultMultipartLimits: MultipartLimits = {
  parts: 20,
  files: 1,
  headerBytes: 8 * 1024,
  headerLines: 16,
  fieldBytes: 64 * 1024,
  preambleBytes: 1024,
  epilogueBytes: 1024,
  // A file of 512 MiB, and room for what surrounds it.
  bodyBytes: 513 * 1024 * 1024,
}

/**
 * Reads a multipart/form-data body (RFC 7578) part by part, in the order sent. Fields come whole, files as
 * streams that pull the source as they are read; nothing is kept but a chunk, a header and a field. Asking
 * for the next part skips what is left of a file; reading that file afterwards throws.
 *
 * Names are strings from outside: collect them in a Map, never as keys of an object. RFC 2046 would have us
 * ignore text before the first and after the last boundary; here it is refused, since in a form it can only
 * be a part that was not understood.
 *
 * Whichever way it ends, the source is closed (`return`); a stream that must survive this says so itself.
 * @throws ServiceError `body-type-unsupported`, before anything is read; `request-malformed`,
 * `body-too-large`; what the source throws, as it is. From a file's body too, and then from here again.
 */
export async function* parseMultipart(
  contentType: string | undefined,
  source: AsyncIterable<Uint8Array>,
  overrides: Partial<MultipartLimits> = {},
): AsyncGenerator<Part, void, undefined> {
  const limits = { ...defaultMultipartLimits, ...overrides }
  const scanner = new MultipartScanner(source, parseBoundary(contentType), limits.bodyBytes)
  try {
    await skipBlanks(() => scanner.nextPiece(), limits.preambleBytes)
    let files = 0
    for (let parts = 1; !scanner.atEpilogue; parts++) {
      if (parts > limits.parts) throw malformed(`The form has more than ${limits.parts} parts`)
      const header = await readHeader(scanner, limits)
      if (header.filename === undefined) {
        yield { kind: 'field', name: header.name, value: await readField(scanner, header, limits) }
        continue
      }
      if (++files > limits.files) throw malformed(`The form has more files than ${limits.files}`)
      const body = new FileBody(scanner)
      yield { kind: 'file', ...header, filename: header.filename, body }
      await body.skipRest()
    }
    await skipBlanks(() => scanner.nextOfEpilogue(), limits.epilogueBytes)
  } finally {
    await scanner.close()
  }
}

class FileBody implements AsyncIterable<Uint8Array> {
  readonly #scanner: MultipartScanner
  #state: 'unread' | 'reading' | 'past' = 'unread'

  constructor(scanner: MultipartScanner) {
    this.#scanner = scanner
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#state !== 'unread') throw new Error('A file of a form is read once, and before the next part')
    this.#state = 'reading'
    for (let piece = await this.#next(); piece !== undefined; piece = await this.#next()) yield piece
  }

  async skipRest(): Promise<void> {
    this.#state = 'past'
    while ((await this.#scanner.nextPiece()) !== undefined);
  }

  #next(): Promise<Uint8Array | undefined> {
    if (this.#state === 'past') throw new Error('The form has gone on to the part after this file')
    return this.#scanner.nextPiece()
  }
}

async function readHeader(scanner: MultipartScanner, limits: MultipartLimits): Promise<PartHeader> {
  const lines: Buffer[] = []
  let bytesLeft = limits.headerBytes
  for (;;) {
    const line = await scanner.readLine(bytesLeft)
    if (line === undefined) throw malformed(`The header of a part exceeds ${limits.headerBytes} bytes`)
    if (line.length === 0) break
    bytesLeft -= line.length + 2
    if (lines.push(line) > limits.headerLines) {
      throw malformed(`The header of a part has more than ${limits.headerLines} lines`)
    }
  }
  scanner.beginContent()
  return parsePartHeader(lines)
}

async function readField(
  scanner: MultipartScanner,
  { name }: PartHeader,
  { fieldBytes }: MultipartLimits,
): Promise<string> {
  const pieces: Buffer[] = []
  let valueBytes = 0
  for (let piece = await scanner.nextPiece(); piece !== undefined; piece = await scanner.nextPiece()) {
    valueBytes += piece.length
    if (valueBytes > fieldBytes) throw malformed(`A field of the form exceeds ${fieldBytes} bytes`, name)
    pieces.push(Buffer.from(piece))
  }
  const value = Buffer.concat(pieces, valueBytes)
  if (!isUtf8(value)) throw malformed('A field of the form is not UTF-8', name)
  return value.toString('utf8')
}

async function skipBlanks(next: () => Promise<Buffer | undefined>, maxBytes: number): Promise<void> {
  let bytesLeft = maxBytes
  for (let piece = await next(); piece !== undefined; piece = await next()) {
    bytesLeft -= piece.length
    if (bytesLeft < 0) throw malformed(`The body has more than ${maxBytes} bytes outside its boundaries`)
    if (!piece.every(isBlankByte)) throw malformed('The body has text before or after its boundaries')
  }
}

/** Space, tab, CR or LF. */
function isBlankByte(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a
}
