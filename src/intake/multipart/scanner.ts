import { ServiceError } from '../../core/errors.ts'
import { malformed } from './malformed.ts'

const CR = 0x0d
const LF = 0x0a
const DASH = 0x2d
const LINE_END_BYTES = 2
/** No client is known to pad a boundary; each byte is read on its own. */
const MAX_PADDING_BYTES = 1024

const nothing = Buffer.alloc(0)

/**
 * Cuts the bytes of a multipart body at its boundary (RFC 2046, section 5.1.1) without gathering them. The preamble
 * comes first, then header and content of each part, then the epilogue.
 *
 * The delimiter is CR LF `--` boundary and has only one CR, so the state of a delimiter split over two chunks is the
 * number of its bytes that have matched. No byte is held back or joined, and a chunk is released before the next is
 * asked for.
 */
export class MultipartScanner {
  readonly #delimiter: Buffer
  readonly #maxBodyBytes: number
  readonly #source: AsyncIterator<Uint8Array>
  #phase: 'content' | 'header' | 'epilogue' = 'content'
  #isBusy = false
  #failure: { readonly error: unknown } | undefined
  #seenBytes = 0
  #window: Buffer = nothing
  #position = 0
  /** Bytes of the delimiter right before `#position`. */
  #matched = LINE_END_BYTES
  /** Those of them that are not content: the line end of the header, or the one imagined before the body. */
  #borrowed = LINE_END_BYTES

  /** Nothing is read before the first call. The boundary is legal ASCII. */
  constructor(source: AsyncIterable<Uint8Array>, boundary: string, maxBodyBytes: number) {
    this.#source = source[Symbol.asyncIterator]()
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
    this.#maxBodyBytes = maxBodyBytes
  }

  /** Whether the closing boundary has passed. */
  get atEpilogue(): boolean {
    return this.#phase === 'epilogue'
  }

  /** Reads blanks and line ends of any system, and the first boundary. */
  async skipPreamble(maxBytes: number): Promise<void> {
    let bytes = 0
    let hasLineEnd = false
    do {
      await this.#require()
      const start = this.#position
      for (; isPadding(this.#byte) || isLineEnd(this.#byte); this.#position++)
        hasLineEnd ||= isLineEnd(this.#byte)
      bytes += this.#position - start
      if (bytes > maxBytes)
        throw malformed(`The body has more than ${maxBytes} bytes before its first boundary`)
    } while (this.#position === this.#window.length)
    if (bytes > 0 && !hasLineEnd) throw malformed('The body has blanks right before its first boundary')
    if ((await this.nextPiece()) !== undefined) throw malformed('The body has text before its first boundary')
  }

  /** Copies of the lines of a header. */
  async readHeader(limits: {
    readonly headerBytes: number
    readonly headerLines: number
  }): Promise<Buffer[]> {
    const lines: Buffer[] = []
    let bytesLeft = limits.headerBytes
    for (;;) {
      const line = await this.#readLine(bytesLeft)
      if (line === undefined) throw malformed(`The header of a part exceeds ${limits.headerBytes} bytes`)
      if (line.length === 0) break
      bytesLeft -= line.length + LINE_END_BYTES
      if (lines.push(line) > limits.headerLines)
        throw malformed(`The header of a part has more than ${limits.headerLines} lines`)
    }
    this.#phase = 'content'
    // RFC 2046 lets the blank line begin the delimiter: then the content is empty.
    this.#matched = LINE_END_BYTES
    this.#borrowed = LINE_END_BYTES
    return lines
  }

  /**
   * The next bytes of the current content, at least one, valid until the next call; undefined behind its end. Repeats a
   * failure on every later call.
   * @throws ServiceError `request-malformed`, `body-too-large`; what the source throws
   */
  async nextPiece(): Promise<Buffer | undefined> {
    if (this.#failure !== undefined) throw this.#failure.error
    if (this.#isBusy) throw new Error('A multipart body is read by one reader at a time')
    this.#isBusy = true
    try {
      return await this.#findPiece()
    } catch (error) {
      this.#failure = { error }
      throw error
    } finally {
      this.#isBusy = false
    }
  }

  async skipContent(): Promise<void> {
    while ((await this.nextPiece()) !== undefined);
  }

  /** Reads to the end of the body. */
  async skipEpilogue(): Promise<void> {
    while (await this.#fill()) this.#position = this.#window.length
  }

  /** Closes the source; later reads of a part throw. Never throws. */
  async close(): Promise<void> {
    this.#failure ??= { error: new Error('The multipart body is closed') }
    try {
      await this.#source.return?.()
    } catch {
      // A failure to clean up must not replace the outcome.
    }
  }

  /** A line without its CR LF; CR or LF alone does not end it. Undefined if it exceeds `maxBytes` with its end. */
  async #readLine(maxBytes: number): Promise<Buffer | undefined> {
    const pieces: Buffer[] = []
    let lineBytes = 0
    let last: number | undefined
    for (let ended = false; !ended; ) {
      await this.#require()
      const lineFeed = this.#window.indexOf(LF, this.#position)
      const end = lineFeed >= 0 ? lineFeed + 1 : this.#window.length
      lineBytes += end - this.#position
      if (lineBytes > maxBytes) return undefined
      ended = lineFeed >= 0 && (lineFeed > this.#position ? this.#window[lineFeed - 1] : last) === CR
      last = this.#window[end - 1]
      pieces.push(Buffer.from(this.#window.subarray(this.#position, end)))
      this.#position = end
    }
    return Buffer.concat(pieces, lineBytes - LINE_END_BYTES)
  }

  async #findPiece(): Promise<Buffer | undefined> {
    while (this.#phase === 'content') {
      if (this.#matched === this.#delimiter.length) {
        await this.#endContent()
        break
      }
      await this.#require()
      const piece = this.#matched > 0 ? this.#resumeMatch() : this.#search()
      if (piece.length > 0) return piece
    }
    return undefined
  }

  /** Content up to the delimiter, or up to a part of it at the end of the window. */
  #search(): Buffer {
    const start = this.#position
    const found = this.#window.indexOf(this.#delimiter, start)
    if (found >= 0) {
      this.#position = found + this.#delimiter.length
      this.#matched = this.#delimiter.length
      return this.#window.subarray(start, found)
    }
    this.#position = this.#window.length
    this.#matched = this.#matchedAtEnd(start)
    return this.#window.subarray(start, this.#window.length - this.#matched)
  }

  #matchedAtEnd(start: number): number {
    const tail = this.#window.subarray(Math.max(start, this.#window.length - this.#delimiter.length + 1))
    const from = tail.lastIndexOf(CR)
    if (from < 0) return 0
    const length = tail.length - from
    return this.#delimiter.compare(tail, from, tail.length, 0, length) === 0 ? length : 0
  }

  /** Continues a delimiter begun earlier; on a mismatch, returns the matched bytes as content. */
  #resumeMatch(): Buffer {
    const from = this.#matched
    const length = Math.min(this.#delimiter.length - from, this.#window.length - this.#position)
    const end = this.#position + length
    if (this.#delimiter.compare(this.#window, this.#position, end, from, from + length) === 0) {
      this.#position = end
      this.#matched += length
      return nothing
    }
    const content = Buffer.from(this.#delimiter.subarray(this.#borrowed, from))
    this.#matched = 0
    this.#borrowed = 0
    return content
  }

  /**
   * Content must not hold the delimiter, so one that continues otherwise is refused: taken for content, it would swallow
   * a part. Blanks may pad a boundary (RFC 2046, section 5.1.1).
   */
  async #endContent(): Promise<void> {
    let first = await this.#readByte()
    let paddingBytes = 0
    for (; isPadding(first) && paddingBytes < MAX_PADDING_BYTES; paddingBytes++)
      first = await this.#readByte()
    const second = await this.#readByte()
    if (first === CR && second === LF) this.#phase = 'header'
    else if (first === DASH && second === DASH && paddingBytes === 0) this.#phase = 'epilogue'
    else throw malformed('A boundary is followed by something else than a line end or two hyphens')
  }

  get #byte(): number | undefined {
    return this.#window[this.#position]
  }

  async #readByte(): Promise<number | undefined> {
    await this.#require()
    return this.#window[this.#position++]
  }

  async #require(): Promise<void> {
    if (!(await this.#fill())) throw malformed('The multipart body ends before its closing boundary')
  }

  /** Waits until the window has a byte; false at the end of the body. */
  async #fill(): Promise<boolean> {
    while (this.#position === this.#window.length) {
      const { done, value } = await this.#source.next()
      if (done) return false
      this.#seenBytes += value.length
      if (this.#seenBytes > this.#maxBodyBytes) {
        const message = `The request body exceeds the maximum of ${this.#maxBodyBytes} bytes`
        throw new ServiceError('body-too-large', message)
      }
      this.#window = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      this.#position = 0
    }
    return true
  }
}

function isPadding(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === CR || byte === LF
}
