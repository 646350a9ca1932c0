import { ServiceError } from '../../core/errors.ts'
import {
  decodeAs,
  decodeText,
  type NameForm,
  type PartHeader,
  parsePartHeader,
  splitParameters,
  withoutQuotes,
} from './headers.ts'
import { malformed } from './malformed.ts'
import { MultipartScanner } from './scanner.ts'

export interface FieldPart {
  readonly kind: 'field'
  readonly name: string
  readonly value: string
}

export interface FilePart extends PartHeader {
  readonly kind: 'file'
  readonly filename: string
  /**
   * Read once, and before the next part is asked for. A chunk's memory may be reused once the next is asked for. The
   * end means only that the file is whole: the form is good once every part has been read.
   */
  readonly body: AsyncIterable<Uint8Array>
}

export type Part = FieldPart | FilePart

export const defaultMultipartLimits = {
  /** Ignored ones count, too. Starlette takes as many: 1,000 files and 1,000 fields. */
  parts: 2000,
  files: 1,
  /** Per part, with line ends and the blank line. */
  headerBytes: 8 * 1024,
  headerLines: 16,
  fieldBytes: 64 * 1024,
  /** Blanks and line ends before the first boundary. */
  preambleBytes: 1024 * 1024,
  /** The whole body as counted: a file of 512 MiB, and room for what surrounds it. */
  bodyBytes: 513 * 1024 * 1024,
}

export type MultipartLimits = Readonly<typeof defaultMultipartLimits>

/** An ignored part is skipped: it needs no memory, and counts only against the limits of parts and of the body. */
export type PartRole = 'field' | 'file' | 'ignored'

export interface MultipartOptions extends Partial<MultipartLimits>, Pick<NameForm, 'dropsControls'> {
  /** All clients that send such forms write a quote in a name as `%22`; default: those whose boundary shows it. */
  readonly escapesQuotes?: boolean
  /** Default: a part with a filename, even an empty one, is a file, any other a field. */
  readonly roleOf?: (name: string, hasFilename: boolean) => PartRole
}

/**
 * Reads a multipart/form-data body (RFC 7578) part by part, in the order sent. Fields come whole, files as streams that
 * pull the source; memory holds a chunk, a header and a field. Asking for the next part skips the rest of a file, and
 * reading that file afterwards throws. The source is closed at the end (`return`).
 *
 * Names come from outside: collect them in a Map, never as keys of an object. Text before the first boundary is refused,
 * although RFC 2046 would ignore it: in a form it is a part that was not understood. Text after the last is ignored.
 * @throws ServiceError `body-type-unsupported`, before anything is read; `request-malformed`, `body-too-large`; what the
 * source throws. A failure of a file's body is thrown there, and then here again.
 */
export async function* parseMultipart(
  contentType: string | undefined,
  source: AsyncIterable<Uint8Array>,
  {
    roleOf = roleByFilename,
    dropsControls = false,
    escapesQuotes = false,
    ...overrides
  }: MultipartOptions = {},
): AsyncGenerator<Part, void, undefined> {
  const limits = { ...defaultMultipartLimits, ...overrides }
  const type = parseFormType(contentType)
  const form = { ...type, dropsControls, escapesQuotes: escapesQuotes || type.escapesQuotes }
  const scanner = new MultipartScanner(source, form.boundary, limits.bodyBytes)
  try {
    await scanner.skipPreamble(limits.preambleBytes)
    let files = 0
    for (let parts = 1; !scanner.atEpilogue; parts++) {
      if (parts > limits.parts) throw malformed(`The form has more than ${limits.parts} parts`)
      const header = parsePartHeader(await scanner.readHeader(limits), form)
      const role = roleOf(header.name, header.filename !== undefined)
      if (role === 'ignored') await scanner.skipContent()
      else if (role === 'field') yield await readField(scanner, header.name, form, limits)
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
    await this.#scanner.skipContent()
  }

  #next(): Promise<Uint8Array | undefined> {
    if (this.#state === 'past') throw new Error('The form has gone on to the part after this file')
    return this.#scanner.nextPiece()
  }
}

async function readField(
  scanner: MultipartScanner,
  name: string,
  { charset }: NameForm,
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

/**
 * Printable ASCII without quotes and backslashes, the last no space. RFC 2046 has 1 to 70 characters of fewer kinds;
 * python-multipart takes up to 256 of any.
 */
const legalBoundary = /^[ !#-[\]-~]{0,255}[!#-[\]-~]$/
/**
 * Boundaries of Chromium and WebKit, of Firefox up to 2024 and since, and of undici (Node's `fetch`), which write a quote
 * as `%22`. So do requests, httpx and curl, but their boundaries do not show it.
 */
const browserBoundary =
  /^(?:----WebKitFormBoundary[0-9A-Za-z]{16}|-{27}\d{12,30}|----geckoformboundary[0-9a-f]+|----formdata-undici-\d+)$/

function parseFormType(contentType = ''): NameForm & { readonly boundary: string } {
  const [type, parameters] = splitParameters(contentType, 'boundary')
  if (type !== 'multipart/form-data')
    throw new ServiceError('body-type-unsupported', 'Expected multipart/form-data')
  const boundary = boundaryIn(parameters)
  const charset = withoutQuotes(parameters.get('charset') ?? 'utf-8')
  return {
    boundary,
    // Ignored if unknown, and if no header could be read in it, such as UTF-16.
    charset: !/^utf-?8$/i.test(charset) && decodeAs(charset, Buffer.from('a')) === 'a' ? charset : undefined,
    escapesQuotes: browserBoundary.test(boundary),
  }
}

/** @param parameters of a Content-Type. @throws ServiceError `request-malformed` */
export function boundaryIn(parameters: ReadonlyMap<string, string>): string {
  const boundary = withoutQuotes(parameters.get('boundary') ?? '')
  if (legalBoundary.test(boundary)) return boundary
  throw malformed('The Content-Type names no boundary, or no legal one')
}
