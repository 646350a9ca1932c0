import { ServiceError } from '../../core/errors.ts'
import type { Holding } from '../../core/limits/fair-budget.ts'
import { ChunkSource } from '../chunk-source.ts'
import { Base64Decoder } from './base64.ts'
import { JsonOutline, notJson } from './json-outline.ts'

export interface JsonContentOptions {
  /** The key of the outermost object whose value is the base64 text. */
  readonly contentField: string
  /** Of the bytes that the text stands for. */
  readonly maxContentBytes: number
  /** Of the JSON text without the base64, blanks included; all of it is kept in memory. Default 1 MiB. */
  readonly maxOtherBytes?: number
  /** Charged for the JSON text without the base64; released by whoever gave it. */
  readonly memory?: Holding
}

export interface JsonWithContent<T> {
  /** The object as sent, without the content. Keys are data of the caller: `__proto__` is an own one. */
  readonly rest: Record<string, unknown>
  /** What `onContent` gave; undefined where the content is missing or null. */
  readonly content: T | undefined
}

const DEFAULT_MAX_OTHER_BYTES = 1024 * 1024
/** Text that is decoded at once, however large a chunk comes. Twice as much is little faster and leaves the heap more to clear. */
const MAX_PIECE_BYTES = 32 * 1024
const QUOTE = 0x22

/**
 * Reads a JSON object one of whose outermost strings is large and base64, keys in any order. `onContent` is called
 * at most once, when that string begins, and gets its bytes as they come, at the pace at which it reads them; what it
 * leaves unread is still checked; beside them it gets the keys that stand before. Pieces are up to 24 KiB and stay as they are.
 *
 * The end of the content says nothing of what follows it: only the result of this function says that the body is
 * good, so what `onContent` did must be easy to undo. Keys of the outermost object are unique, whichever way they
 * are written; further in the last of two counts.
 *
 * Whichever way it ends, the source is closed (`return`); a stream that must survive this says so itself.
 * @throws ServiceError `body-not-json`, `body-too-large` (`maxOtherBytes`), `bytes-too-many` (`maxContentBytes`),
 * `field-invalid` for a content that is no string or no base64; what the source or `onContent` throws, as it is
 */
export async function readJsonWithContent<T>(
  source: AsyncIterable<Uint8Array>,
  options: JsonContentOptions,
  onContent: (body: AsyncIterable<Uint8Array>, before: Record<string, unknown>) => Promise<T>,
): Promise<JsonWithContent<T>> {
  const { contentField, maxContentBytes, maxOtherBytes = DEFAULT_MAX_OTHER_BYTES, memory } = options
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

/** The content, from behind its opening quote up to and with its closing one. */
class ContentBody implements AsyncIterable<Uint8Array> {
  readonly #chunks: ChunkSource
  readonly #decoder: Base64Decoder
  #state: 'unread' | 'reading' | 'past' = 'unread'
  #hasEnded = false
  #failure: { readonly error: unknown } | undefined
  /** The latest read, which may still be running when its reader has gone. */
  #latest: Promise<Uint8Array | undefined> | undefined

  constructor(chunks: ChunkSource, field: string, maxBytes: number) {
    this.#chunks = chunks
    this.#decoder = new Base64Decoder(field, maxBytes)
  }

  /** Lets the consumer read, then reads what it left. A failure of the body comes before what it made of it. */
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

  /** A quote ends the content even after a backslash: that is a broken escape, then, since no quote is base64. */
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
