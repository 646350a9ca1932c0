import { isPattern } from './pattern.ts'

const END_OF_HEAD = Buffer.from('\r\n\r\n')
const END_OF_CHUNKS = Buffer.from('0\r\n\r\n')
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i
const CHUNKED = /\r\ntransfer-encoding: *chunked/i

/** An answer as it comes in, with as little work as its length and its comparison need. */
export class Answer {
  status = 0
  head = ''
  readonly #expectedBytes: number | undefined
  #unread = Buffer.alloc(0)
  #bodyBytes = 0
  /** Undefined: chunked. */
  #length: number | undefined = 0

  /** @param expectedBytes if the body must be that much of the pattern; it is compared and not kept */
  constructor(expectedBytes?: number) {
    this.#expectedBytes = expectedBytes
  }

  /** The body as text, framing of chunks included. */
  get text(): string {
    return this.#unread.toString()
  }

  /** @throws Error if there is no such field */
  field(name: string): string {
    const value = new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'i').exec(this.head)?.[1]
    if (value === undefined) throw new Error(`an answer without ${name}: ${this.head}`)
    return value
  }

  /**
   * Takes bytes off the socket, which are overwritten afterwards.
   * @returns whether the answer is whole
   * @throws Error if the body is not what is expected
   */
  add(bytes: Buffer): boolean {
    if (this.head === '') {
      const all = Buffer.concat([this.#unread, bytes])
      const end = all.indexOf(END_OF_HEAD)
      if (end < 0) {
        this.#unread = all
        return false
      }
      this.#readHead(all.toString('latin1', 0, end))
      this.#unread = Buffer.alloc(0)
      return this.#addBody(all.subarray(end + END_OF_HEAD.length))
    }
    return this.#addBody(bytes)
  }

  #readHead(head: string): void {
    this.head = head
    this.status = Number(head.slice(9, 12))
    const isChunked = CHUNKED.test(head)
    this.#length = isChunked ? undefined : Number(CONTENT_LENGTH.exec(head)?.[1] ?? 0)
    const expected = this.status < 300 ? this.#expectedBytes : undefined
    if (expected !== undefined && this.#length !== expected)
      throw new Error(`a body of ${this.#length} bytes, not ${expected}: ${head}`)
  }

  #addBody(bytes: Buffer): boolean {
    if (this.#expectedBytes === undefined || this.status >= 300) {
      this.#unread = Buffer.concat([this.#unread, bytes])
    } else if (!isPattern(bytes, this.#bodyBytes)) {
      throw new Error(`another body than expected after ${this.#bodyBytes} bytes`)
    }
    this.#bodyBytes += bytes.length
    return this.#length === undefined
      ? this.#unread.subarray(-END_OF_CHUNKS.length).equals(END_OF_CHUNKS)
      : this.#bodyBytes >= this.#length
  }
}
