import { type PartHeader, parsePartHeader } from './headers.ts'
import { malformed } from './malformed.ts'
import { MultipartScanner } from './scanner.ts'
import { decodeText } from './text.ts'
import { type FormType, parseFormType } from './type.ts'

export interface FieldPart {
  readonly kind: 'field'
  readonly name: string
  readonly value: string
}

export interface FilePart {
  readonly kind: 'file'
  readonly name: string
  /** As the client means it: may be empty, hold slashes or be up to a header long; never a control character. */
  readonly filename: string
  /** Whether the filename is what bytes of an unknown charset are in Latin-1. */
  readonly isFilenameGuess: boolean
  readonly contentType: string | undefined
  /**
   * Read once, and before the next part is asked for. A chunk's memory may be reused once the next is asked
   * for. Ending normally means only that the file is whole: the form is good once every part has been read.
   */
  readonly body: AsyncIterable<Uint8Array>
}

export type Part = FieldPart | FilePart

export interface MultipartLimits {
  /** What is ignored counts, too. */
  readonly parts: number
  readonly files: number
  /** Per part, line ends and the blank line included. */
  readonly headerBytes: number
  readonly headerLines: number
  readonly fieldBytes: number
  /** Blanks and line ends before the first boundary; anything else there is refused. */
  readonly preambleBytes: number
  /** The whole body, boundaries and headers included, as counted. */
  readonly bodyBytes: number
}

/** What a part is for. An ignored one is skipped: it takes no memory and no limit but that of the parts and the body. */
export type PartRole = 'field' | 'file' | 'ignored'

export interface MultipartOptions extends Partial<MultipartLimits> {
  /** Default: a part with a filename, even an empty one, is a file, any other a field. */
  readonly roleOf?: (name: string, hasFilename: boolean) => PartRole
}

export const defaultMultipartLimits: MultipartLimits = {
  // Starlette takes as many: 1,000 files and 1,000 fields.
  parts: 2000,
  files: 1,
  headerBytes: 8 * 1024,
  headerLines: 16,
  fieldBytes: 64 * 1024,
  preambleBytes: 1024 * 1024,
  // A file of 512 MiB, and room for what surrounds it.
  bodyBytes: 513 * 1024 * 1024,
}

/**
 * Reads a multipart/form-data body (RFC 7578) part by part, in the order sent. Fields come whole, files as
 * streams that pull the source as they are read; nothing is kept but a chunk, a header and a field. Asking
 * for the next part skips what is left of a file; reading that file afterwards throws.
 *
 * Names are strings from outside: collect them in a Map, never as keys of an object. RFC 2046 would have us
 * ignore text before the first boundary; here it is refused, since in a form it can only be a part that was not
 * understood. What follows the last boundary is ignored.
 *
 * Whichever way it ends, the source is closed (`return`); a stream that must survive this says so itself.
 * @throws ServiceError `body-type-unsupported`, before anything is read; `request-malformed`,
 * `body-too-large`; what the source throws, as it is. From a file's body too, and then from here again.
 */
export async function* parseMultipart(
  contentType: string | undefined,
  source: AsyncIterable<Uint8Array>,
  { roleOf = roleByFilename, ...overrides }: MultipartOptions = {},
): AsyncGenerator<Part, void, undefined> {
  const limits = { ...defaultMultipartLimits, ...overrides }
  const form = parseFormType(contentType)
  const scanner = new MultipartScanner(source, form.boundary, limits.bodyBytes)
  try {
    await skipPreamble(scanner, limits.preambleBytes)
    let files = 0
    for (let parts = 1; !scanner.atEpilogue; parts++) {
      if (parts > limits.parts) throw malformed(`The form has more than ${limits.parts} parts`)
      const header = await readHeader(scanner, form, limits)
      const role = roleOf(header.name, header.filename !== undefined)
      if (role === 'ignored') await skipContent(scanner)
      else if (role === 'field') yield await readField(scanner, header, form, limits)
      else {
        if (++files > limits.files) throw malformed(`The form has more files than ${limits.files}`)
        const body = new FileBody(scanner)
        yield { kind: 'file', ...header, filename: header.filename ?? '', body }
        await body.skipRest()
      }
    }
    await scanner.skipEpilogue()
  } finally {
    await scanner.close()
  }
}

function roleByFilename(_name: string, hasFilename: boolean): PartRole {
  return hasFilename ? 'file' : 'field'
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
    await skipContent(this.#scanner)
  }

  #next(): Promise<Uint8Array | undefined> {
    if (this.#state === 'past') throw new Error('The form has gone on to the part after this file')
    return this.#scanner.nextPiece()
  }
}

async function skipContent(scanner: MultipartScanner): Promise<void> {
  while ((await scanner.nextPiece()) !== undefined);
}

async function readHeader(
  scanner: MultipartScanner,
  form: FormType,
  limits: MultipartLimits,
): Promise<PartHeader> {
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
  return parsePartHeader(lines, form)
}

async function readField(
  scanner: MultipartScanner,
  { name }: PartHeader,
  { charset }: FormType,
  { fieldBytes }: MultipartLimits,
): Promise<FieldPart> {
  const pieces: Buffer[] = []
  let valueBytes = 0
  for (let piece = await scanner.nextPiece(); piece !== undefined; piece = await scanner.nextPiece()) {
    valueBytes += piece.length
    if (valueBytes > fieldBytes) throw malformed(`A field of the form exceeds ${fieldBytes} bytes`, name)
    pieces.push(Buffer.from(piece))
  }
  return { kind: 'field', name, value: decodeText(Buffer.concat(pieces, valueBytes), charset).text }
}

/** To the header of the first part, or the epilogue. */
async function skipPreamble(scanner: MultipartScanner, maxBytes: number): Promise<void> {
  await scanner.skipBlanks(maxBytes)
  const text = await scanner.nextPiece()
  if (text !== undefined) throw malformed('The body has text before its first boundary')
}
