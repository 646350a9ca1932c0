import { ServiceError } from '../../core/errors.ts'
import { malformed } from './malformed.ts'

const CR = 0x0d
const LF = 0x0a
const DASH = 0x2d
const SPACE = 0x20
const TAB = 0x09
const LINE_END_BYTES = 2
/** Nobody is known to pad a boundary at all; each byte is read on its own. */
const MAX_PADDING_BYTES = 1024

const nothing = Buffer.alloc(0)

/**
 * Cuts the bytes of a multipart body at its boundary (RFC 2046, section 5.1.1) without gathering them. The
 * body is taken in turns: content up to a delimiter, then the lines of a header, then content again; before
 * the first delimiter and after the last come the preamble and the epilogue.
 *
 * The delimiter is CR LF `--` boundary, and CR stands in it only once, so a delimiter split over two chunks
 * is remembered as the number of its bytes that have matched: no byte is ever held back or joined. Every
 * chunk of the source is let go before the next is asked for.
 */
export class MultipartScanner {
  readonly #delimiter: Buffer
  readonly #bodyBytesLimit: number
  readonly #source: AsyncIterator<Uint8Array>
  #phase: 'content' | 'header' | 'epilogue' = 'content'
  #sourceEnded = false
  #busy = false
  #failure: { readonly error: unknown } | undefined
  #seenBytes = 0
  #window: Buffer = nothing
  #position = 0
  /** How many bytes of the delimiter stand right before `#position`. */
  #matched = LINE_END_BYTES
  /** How many of those belong to no content: the line end of the header, or the one we imagine before the body. */
  #borrowed = LINE_END_BYTES

  /** Nothing is read before the first call. The boundary is legal ASCII, as `parseBoundary` gives it. */
  constructor(source: AsyncIterable<Uint8Array>, boundary: string, bodyBytesLimit: number) {
    this.#source = source[Symbol.asyncIterator]()
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
    this.#bodyBytesLimit = bodyBytesLimit
  }

  /** Whether the closing boundary has passed. */
  get atEpilogue(): boolean {
    return this.#phase === 'epilogue'
  }

  /**
   * The next bytes, at least one, of the current content; undefined once a delimiter has ended it, however
   * often asked. Valid until the next call. A failure repeats itself on every later call.
   * @throws ServiceError `request-malformed`, `body-too-large`; whatever the source throws
   */
  async nextPiece(): Promise<Buffer | undefined> {
    if (this.#failure !== undefined) throw this.#failure.error
    if (this.#busy) throw new Error('A multipart body is read by one reader at a time')
    this.#busy = true
    try {
      return await this.#findPiece()
    } catch (error) {
      this.#failure = { error }
      throw error
    } finally {
      this.#busy = false
    }
  }

  /** Declares the header read: what follows is content. An empty one may lack its line end, as RFC 2046 has it. */
  beginContent(): void {
    this.#phase = 'content'
    this.#matched = LINE_END_BYTES
    this.#borrowed = LINE_END_BYTES
  }

  /**
   * The next line, a copy without its CR LF; CR or LF alone is part of it. With its end, it may take `maxBytes`; of a longer
   * one undefined is told.
   * @throws ServiceError `request-malformed` when the body ends first
   */
  async readLine(maxBytes: number): Promise<Buffer | undefined> {
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
    const line = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, lineBytes)
    return line.subarray(0, -LINE_END_BYTES)
  }

  /**
   * Reads blanks and line ends of any system, and takes what follows for the beginning of a line.
   * @throws ServiceError `request-malformed` if they are more than `maxBytes`, are blanks without a line end, or end the body
   */
  async skipBlanks(maxBytes: number): Promise<void> {
    let bytes = 0
    let hasLineEnd = false
    do {
      await this.#require()
      const start = this.#position
      for (; isBlank(this.#window[this.#position]); this.#position++) {
        hasLineEnd ||= isLineEnd(this.#window[this.#position])
      }
      bytes += this.#position - start
      if (bytes > maxBytes)
        throw malformed(`The body has more than ${maxBytes} bytes before its first boundary`)
    } while (this.#position === this.#window.length)
    if (bytes > 0 && !hasLineEnd) throw malformed('The body has blanks right before its first boundary')
  }

  /** Reads what follows the closing boundary to the end of the body, and drops it. */
  async skipEpilogue(): Promise<void> {
    while (await this.#fill()) this.#position = this.#window.length
  }

  /** Lets go of the source; whoever still reads a part is refused. Never throws. */
  async close(): Promise<void> {
    this.#failure ??= { error: new Error('The multipart body is closed') }
    if (this.#sourceEnded) return
    this.#sourceEnded = true
    try {
      await this.#source.return?.()
    } catch {
      // The outcome is known by now, and a failure to clean up must not replace it.
    }
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

  /** Content up to the delimiter, or to as much of it as ends the window. */
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

  /** Goes on with a delimiter begun earlier; when it is none after all, what had matched is content. */
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
   * Content may not hold the delimiter at all, so one that goes on otherwise is refused, not taken for content:
   * it would be a part that we silently swallow. Blanks may pad a boundary (RFC 2046, section 5.1.1).
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

  async #readByte(): Promise<number | undefined> {
    await this.#require()
    return this.#window[this.#position++]
  }

  async #require(): Promise<void> {
    if (!(await this.#fill())) throw malformed('The multipart body ends before its closing boundary')
  }

  /** Sees to it that the window has a byte to give; false at the end of the body. */
  async #fill(): Promise<boolean> {
    while (this.#position === this.#window.length) {
      const chunk = await this.#pull()
      if (chunk === undefined) return false
      this.#seenBytes += chunk.length
      if (this.#seenBytes > this.#bodyBytesLimit) {
        throw new ServiceError(
          'body-too-large',
          `The request body exceeds the maximum of ${this.#bodyBytesLimit} bytes`,
        )
      }
      this.#window = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      this.#position = 0
    }
    return true
  }

  async #pull(): Promise<Uint8Array | undefined> {
    if (this.#sourceEnded) return undefined
    try {
      const { done, value } = await this.#source.next()
      if (!done) return value
    } catch (error) {
      this.#sourceEnded = true
      throw error
    }
    this.#sourceEnded = true
    return undefined
  }
}

function isBlank(byte: number | undefined): boolean {
  return isPadding(byte) || isLineEnd(byte)
}

function isPadding(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === CR || byte === LF
}
