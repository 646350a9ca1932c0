import { ServiceError } from '../../core/errors.ts'
import type { Holding } from '../../core/limits/fair-budget.ts'
import { ChunkSource } from '../chunk-source.ts'
import { JsonOutline, notJson } from './json-outline.ts'

export interface JsonContentOptions {
  /** The key of the outermost object whose value is base64. */
  readonly contentField: string
  /** Of the decoded bytes. */
  readonly maxContentBytes: number
  /** Of the JSON text without the base64, blanks included; it is kept in memory. */
  readonly maxOtherBytes: number
  /** Charged for that text; the caller releases it. */
  readonly memory?: Holding
}

export interface JsonWithContent<T> {
  /** The object without the content. Its keys come from outside: `__proto__` is an own one. */
  readonly rest: Record<string, unknown>
  /** What `onContent` returned; undefined if the content is missing or null. */
  readonly content: T | undefined
}

/** Text decoded at once: what a connection gives at once. */
const MAX_PIECE_BYTES = 64 * 1024
const QUOTE = 0x22
const GROUP_CHARACTERS = 4
const MAX_PADDING_CHARACTERS = 2
const nothing = Buffer.alloc(0)

/**
 * Reads a JSON object in which one string of the outermost object is large and base64; keys may come in any order.
 * `onContent` is called at most once, when that string begins, with its bytes, which pull the source as they are read,
 * and the object as far as it stands before. Pieces are new memory of up to 48 KiB. Bytes left unread are still checked.
 * The source is closed at the end (`return`).
 *
 * Only the result of this function says that the body is good, so what `onContent` does must be easy to undo. Keys of
 * the outermost object are unique, however they are escaped; in nested objects the last of two counts.
 * @throws ServiceError `body-not-json`, `body-too-large` (`maxOtherBytes`), `bytes-too-many` (`maxContentBytes`),
 * `field-invalid` for a content that is no string or no base64; what the source or `onContent` throws
 */
export async function readJsonWithContent<T>(
  source: AsyncIterable<Uint8Array>,
  options: JsonContentOptions,
  onContent: (body: AsyncIterable<Uint8Array>, before: Record<string, unknown>) => Promise<T>,
): Promise<JsonWithContent<T>> {
  const { contentField, maxContentBytes, maxOtherBytes, memory } = options
  const chunks = new ChunkSource(source)
  const outline = new JsonOutline(contentField, maxOtherBytes, memory)
  let content: T | undefined
  let hasContent = false
  try {
    while (await chunks.fill()) {
      chunks.take(outline.read(chunks.window))
      if (!outline.atContent) continue
      const before = outline.before()
      const body = new ContentBody(chunks, contentField, maxContentBytes)
      content = await body.give((bytes) => onContent(bytes, before))
      hasContent = true
      outline.skipContent()
    }
    const { [contentField]: left, ...rest } = outline.finish()
    if (!hasContent && left !== undefined && left !== null) {
      throw new ServiceError('field-invalid', `${contentField}: not a string`, { field: contentField })
    }
    return { rest, content }
  } finally {
    await chunks.close()
  }
}

/** The content, from behind its opening quote through its closing one. */
class ContentBody implements AsyncIterable<Uint8Array> {
  readonly #chunks: ChunkSource
  readonly #decoder: Base64Decoder
  #state: 'unread' | 'reading' | 'past' = 'unread'
  #hasEnded = false
  #failure: { readonly error: unknown } | undefined
  /** The latest read, which may outlast its reader. */
  #latest: Promise<Uint8Array | undefined> | undefined

  constructor(chunks: ChunkSource, field: string, maxBytes: number) {
    this.#chunks = chunks
    this.#decoder = new Base64Decoder(field, maxBytes)
  }

  /** Runs the consumer, then reads the rest. A failure of the body wins over one of the consumer. */
  async give<T>(consume: (body: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T> {
    try {
      const result = await consume(this)
      this.#state = 'past'
      await this.#latest
      while ((await this.#read()) !== undefined);
      return result
    } catch (error) {
      throw this.#failure === undefined ? error : this.#failure.error
    } finally {
      this.#state = 'past'
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#state !== 'unread') throw new Error('The content is read once, and while it passes')
    this.#state = 'reading'
    for (let piece = await this.#next(); piece !== undefined; piece = await this.#next()) yield piece
  }

  #next(): Promise<Uint8Array | undefined> {
    if (this.#state === 'past') throw new Error('The body has gone on to what follows the content')
    this.#latest = this.#read()
    return this.#latest
  }

  async #read(): Promise<Uint8Array | undefined> {
    if (this.#failure !== undefined) throw this.#failure.error
    try {
      while (!this.#hasEnded) {
        const piece = await this.#readPiece()
        if (piece.length > 0) return piece
      }
      return undefined
    } catch (error) {
      this.#failure = { error }
      throw error
    }
  }

  /** A quote ends the content even after a backslash: no quote is base64, so that is a broken escape. */
  async #readPiece(): Promise<Uint8Array> {
    if (!(await this.#chunks.fill())) throw notJson('The JSON body ends within its content.')
    const text = this.#chunks.window.subarray(0, MAX_PIECE_BYTES)
    const quote = text.indexOf(QUOTE)
    const bytes = this.#decoder.decode(quote < 0 ? text : text.subarray(0, quote))
    this.#chunks.take(quote < 0 ? text.length : quote + 1)
    if (quote < 0) return bytes
    this.#hasEnded = true
    const last = this.#decoder.finish()
    return last.length === 0 ? bytes : Buffer.concat([bytes, last])
  }
}

/**
 * Decodes a JSON string of base64 (RFC 4648) in pieces of any size; standard or URL-safe but not both in one value,
 * padded or not. Refuses blanks, foreign characters, wrong padding or text behind it, a last character alone, and unused
 * bits that are not zero.
 */
class Base64Decoder {
  readonly #field: string
  readonly #maxBytes: number
  /** The begin of an escape. */
  #begun = ''
  /** Undefined until a character shows it. */
  #alphabet: Alphabet | undefined
  /** Characters of an incomplete group. */
  #carry = ''
  #paddingCharacters = 0
  #sizeBytes = 0

  constructor(field: string, maxBytes: number) {
    this.#field = field
    this.#maxBytes = maxBytes
  }

  /** The bytes of the groups that this piece completes. @throws ServiceError `field-invalid`, `bytes-too-many` */
  decode(piece: Buffer): Buffer {
    const characters = this.#carry + this.#takePadding(this.#unescape(piece))
    const wholeCharacters = characters.length - (characters.length % GROUP_CHARACTERS)
    this.#carry = characters.slice(wholeCharacters)
    return this.#decodeData(characters.slice(0, wholeCharacters))
  }

  /** The bytes of the last group. @throws as `decode` */
  finish(): Buffer {
    const missing = this.#carry === '' ? 0 : GROUP_CHARACTERS - this.#carry.length
    const isPadded = this.#paddingCharacters > 0
    const fits = missing <= MAX_PADDING_CHARACTERS && (!isPadded || this.#paddingCharacters === missing)
    if (!fits || this.#begun !== '') throw this.#refusal()
    return this.#decodeData(this.#carry)
  }

  /**
   * Undoes the escapes that stand for base64: `\/`, which PHP and others write, and `\u` of ASCII. The backslash of any
   * other stays, and is refused as no base64.
   */
  #unescape(piece: Buffer): string {
    const text = this.#begun + piece.toString('latin1')
    this.#begun = ''
    if (!text.includes('\\')) return text
    this.#begun = /\\(?:u[\dA-Fa-f]{0,3})?$/.exec(text.slice(-5))?.[0] ?? ''
    const withSlashes = text.slice(0, text.length - this.#begun.length).replaceAll('\\/', '/')
    return withSlashes.replace(/\\u00([0-7][\dA-Fa-f])/g, (_escape, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    )
  }

  /** The text before its padding. */
  #takePadding(text: string): string {
    const start = this.#paddingCharacters > 0 ? 0 : text.indexOf('=')
    if (start < 0) return text
    this.#paddingCharacters += text.length - start
    if (this.#paddingCharacters > MAX_PADDING_CHARACTERS || !/^=*$/.test(text.slice(start)))
      throw this.#refusal()
    return text.slice(0, start)
  }

  #decodeData(text: string): Buffer {
    if (text === '') return nothing
    const sizeBytes = Math.floor((text.length * 3) / GROUP_CHARACTERS)
    this.#sizeBytes += sizeBytes
    if (this.#sizeBytes > this.#maxBytes) {
      const message = `${this.#field}: larger than the limit of ${this.#maxBytes} bytes`
      throw new ServiceError('bytes-too-many', message, { field: this.#field })
    }
    const bytes = Buffer.allocUnsafeSlow(sizeBytes)
    this.#alphabet ??= alphabetOf(text)
    const alphabet = this.#alphabet ?? 'base64'
    bytes.write(text, alphabet)
    // The decoder skips foreign characters, so the bytes are encoded again and compared.
    const padded = text.padEnd(Math.ceil(text.length / GROUP_CHARACTERS) * GROUP_CHARACTERS, '=')
    if (bytes.toString(alphabet) !== (alphabet === 'base64' ? padded : text)) throw this.#refusal()
    return bytes
  }

  #refusal(): ServiceError {
    return new ServiceError('field-invalid', `${this.#field}: not valid base64`, { field: this.#field })
  }
}

type Alphabet = 'base64' | 'base64url'

function alphabetOf(text: string): Alphabet | undefined {
  if (text.includes('+') || text.includes('/')) return 'base64'
  return text.includes('-') || text.includes('_') ? 'base64url' : undefined
}
