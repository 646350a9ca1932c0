import { isUtf8 } from 'node:buffer'
import { ServiceError } from '../../core/errors.ts'
import type { Holding } from '../../core/limits/fair-budget.ts'

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
/** What may stand before a string. */
const BEFORE_STRINGS = [OPEN_OBJECT, OPEN_ARRAY, COMMA, COLON]
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]

/** The outermost object counts. */
const MAX_DEPTH = 100
/** Of the outermost object. Each is parsed on its own; a megabyte of them would take half a second. */
const MAX_KEYS = 1000
const FIRST_TEXT_BYTES = 1024
/** Of a key in an error. */
const MAX_TOLD_CHARACTERS = 64

/**
 * Gathers the text of a JSON object without the string under `contentField`. Knows only as much of the grammar as it takes
 * to find the keys of the outermost object; `JSON.parse` checks the rest, up to the content as soon as that begins.
 */
export class JsonOutline {
  readonly #contentField: string
  readonly #text: BoundedText
  readonly #keys = new Set<string>()
  #depth = 0
  /** The last byte outside of strings, quotes included, that is no blank; 0 before the object. */
  #last = 0
  #inString = false
  #isEscaped = false
  /** The offset of the key being read; -1 in other strings. */
  #keyStart = -1
  #key = ''
  #atContent = false

  constructor(contentField: string, maxTextBytes: number, memory?: Holding) {
    this.#contentField = contentField
    this.#text = new BoundedText(maxTextBytes, memory)
  }

  /** Whether the opening quote of the content has passed. Then call `skipContent`, not `read`. */
  get atContent(): boolean {
    return this.#atContent
  }

  /** Reads up to the content or the end; returns the number of bytes. @throws ServiceError `body-not-json`, `body-too-large` */
  read(bytes: Uint8Array): number {
    let at = 0
    while (at < bytes.length && !this.#atContent) this.#take(bytes[at++] as number)
    return at
  }

  /** The object up to the content. @throws ServiceError `body-not-json` */
  before(): Record<string, unknown> {
    const text = Buffer.concat([this.#text.bytes, Buffer.from('"}')])
    const { [this.#contentField]: _, ...before } = parseStrictly(text) as Record<string, unknown>
    return before
  }

  /** Declares the content and its closing quote read. */
  skipContent(): void {
    this.#text.add(QUOTE)
    this.#atContent = false
  }

  /** The whole object, with an empty string as content. @throws ServiceError `body-not-json` */
  finish(): Record<string, unknown> {
    if (this.#depth > 0 || this.#last === 0) throw notJson('The JSON body ends before its object does.')
    const value = parseStrictly(this.#text.bytes)
    refuseUnrepresentable(value)
    return value as Record<string, unknown>
  }

  #take(byte: number): void {
    this.#text.add(byte)
    if (this.#inString) this.#takeOfString(byte)
    else if (!isBlank(byte)) this.#takeToken(byte)
  }

  #takeToken(byte: number): void {
    if (this.#depth === 0) {
      // A byte order mark may stand in front of all else (RFC 8259, 8.1): .NET and PowerShell write it.
      if (byte === BYTE_ORDER_MARK[this.#text.length - 1]) return
      if (this.#last !== 0) throw notJson('The body has text after its JSON object.')
      if (byte !== OPEN_OBJECT) throw notJson('The body is not a JSON object.')
    }
    // Refused at once, before the rest of a large body comes: keys without quotes.
    const isKey = this.#depth === 1 && (this.#last === OPEN_OBJECT || this.#last === COMMA)
    if (isKey && byte !== QUOTE && byte !== CLOSE_OBJECT) throw malformed()
    if (byte === QUOTE) this.#beginString(isKey)
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) this.#depth--
    else if ((byte === OPEN_OBJECT || byte === OPEN_ARRAY) && ++this.#depth > MAX_DEPTH)
      throw notJson(`The JSON body is nested deeper than ${MAX_DEPTH} levels.`)
    this.#last = byte
  }

  #beginString(isKey: boolean): void {
    // Refused at once, too: strings in the place of punctuation.
    if (!BEFORE_STRINGS.includes(this.#last)) throw malformed()
    const isContent = this.#depth === 1 && this.#last === COLON && this.#key === this.#contentField
    this.#atContent = isContent
    this.#inString = !isContent
    this.#keyStart = isKey ? this.#text.length - 1 : -1
  }

  #takeOfString(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false
    else if (byte === BACKSLASH) this.#isEscaped = true
    else if (byte === QUOTE) {
      this.#inString = false
      if (this.#keyStart >= 0) this.#endKey()
    }
  }

  /** Compares keys unescaped: an escape does not make another key. */
  #endKey(): void {
    this.#key = parseStrictly(this.#text.bytes.subarray(this.#keyStart)) as string
    if (this.#keys.has(this.#key))
      throw notJson('The JSON body has a key twice.', this.#key.slice(0, MAX_TOLD_CHARACTERS))
    if (this.#keys.size === MAX_KEYS) throw notJson(`The JSON body has more than ${MAX_KEYS} keys.`)
    this.#keys.add(this.#key)
  }
}

/** Gathers single bytes in one piece of memory, so that chunks of one byte do not cost an object each. */
class BoundedText {
  readonly #maxBytes: number
  readonly #charged: Holding | undefined
  #memory = Buffer.allocUnsafeSlow(FIRST_TEXT_BYTES)
  length = 0

  constructor(maxBytes: number, charged: Holding | undefined) {
    this.#maxBytes = maxBytes
    this.#charged = charged
  }

  get bytes(): Buffer {
    return this.#memory.subarray(0, this.length)
  }

  add(byte: number): void {
    if (this.length === this.#maxBytes) {
      const message = `The JSON body exceeds ${this.#maxBytes} bytes beside its content`
      throw new ServiceError('body-too-large', message)
    }
    if (this.length === this.#memory.length) {
      this.#charged?.grow(this.length)
      const larger = Buffer.allocUnsafeSlow(2 * this.length)
      larger.set(this.#memory)
      this.#memory = larger
    }
    this.#memory[this.length++] = byte
  }
}

/** Refuses a body. The message quotes nothing of it. */
export function notJson(message: string, field?: string): ServiceError {
  return new ServiceError('body-not-json', message, field === undefined ? {} : { field })
}

function malformed(): ServiceError {
  return notJson('The body is not valid JSON.')
}

function parseStrictly(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw notJson('The body is not valid UTF-8.')
  const text = bytes.toString('utf8')
  try {
    return JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text)
  } catch {
    throw malformed()
  }
}

/** Refuses numbers that overflow and strings that are not Unicode. The depth of the recursion is bounded by `MAX_DEPTH`. */
function refuseUnrepresentable(value: unknown): void {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw notJson('The JSON body has a number that is out of range.')
  if (typeof value === 'string' && !value.isWellFormed())
    throw notJson('The JSON body has a string with half a surrogate pair.')
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) Object.keys(value).forEach(refuseUnrepresentable)
  Object.values(value).forEach(refuseUnrepresentable)
}

/** Space, tab, line feed, carriage return. */
function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
}
