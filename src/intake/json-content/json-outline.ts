import { isUtf8 } from 'node:buffer'
import { ServiceError } from '../../core/errors.ts'
import type { Holding } from '../../core/limits/fair-budget.ts'
import { holdMore } from '../../core/limits/request-memory.ts'

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]

/** The outermost object counts. */
const MAX_DEPTH = 100
/** Of the outermost object. Each is parsed by itself, so that a megabyte of them would take half a second. */
const MAX_KEYS = 1000
const FIRST_TEXT_BYTES = 1024
/** Of a key that the caller is told. */
const MAX_TOLD_CHARACTERS = 64

/**
 * Follows the text of a JSON object, gathering all of it but the string that stands under `contentField`. Of the
 * grammar it knows only what is a key of the outermost object; the rest is up to `JSON.parse`, which sees what stands
 * before the content as soon as that begins.
 */
export class JsonOutline {
  readonly #contentField: string
  readonly #text: BoundedText
  readonly #keys = new Set<string>()
  #depth = 0
  /** The last byte that is no blank, of a string its closing quote; 0 before the object. */
  #last = 0
  #inString = false
  #isEscaped = false
  /** Where the key begins that is being read; -1 in any other string. */
  #keyStart = -1
  #key = ''
  #atContent = false

  constructor(contentField: string, maxTextBytes: number, memory?: Holding) {
    this.#contentField = contentField
    this.#text = new BoundedText(maxTextBytes, memory)
  }

  /** Whether the content follows: its opening quote has passed. Then comes `skipContent`, not `read`. */
  get atContent(): boolean {
    return this.#atContent
  }

  /** Reads up to the content or to the end; tells how many bytes. @throws ServiceError `body-not-json`, `body-too-large` */
  read(bytes: Uint8Array): number {
    let at = 0
    while (at < bytes.length && !this.#atContent) this.#take(bytes[at++] as number)
    return at
  }

  /** The object as far as it stands before the content. @throws ServiceError `body-not-json` */
  before(): Record<string, unknown> {
    const text = Buffer.concat([this.#text.bytes, Buffer.from('"}')])
    const { [this.#contentField]: _, ...before } = parseStrictly(text) as Record<string, unknown>
    return before
  }

  /** Declares the content read, closing quote included. */
  skipContent(): void {
    this.#text.add(QUOTE)
    this.#atContent = false
  }

  /** The whole object; the content in it, if it was a string, is empty. @throws ServiceError `body-not-json` */
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
    if (byte === QUOTE) this.#beginString()
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) this.#depth--
    else if ((byte === OPEN_OBJECT || byte === OPEN_ARRAY) && ++this.#depth > MAX_DEPTH)
      throw notJson(`The JSON body is nested deeper than ${MAX_DEPTH} levels.`)
    this.#last = byte
  }

  #beginString(): void {
    const isOutermost = this.#depth === 1
    this.#atContent = isOutermost && this.#last === COLON && this.#key === this.#contentField
    this.#inString = !this.#atContent
    const isKey = isOutermost && (this.#last === OPEN_OBJECT || this.#last === COMMA)
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

  /** Keys are compared as what they mean: an escape does not make another key. */
  #endKey(): void {
    this.#key = parseStrictly(this.#text.bytes.subarray(this.#keyStart)) as string
    if (this.#keys.has(this.#key))
      throw notJson('The JSON body has a key twice.', this.#key.slice(0, MAX_TOLD_CHARACTERS))
    if (this.#keys.size === MAX_KEYS) throw notJson(`The JSON body has more than ${MAX_KEYS} keys.`)
    this.#keys.add(this.#key)
  }
}

/** Bytes one by one into one piece of memory: a caller who sends them one by one must not cost an object each. */
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
      if (this.#charged) holdMore(this.#charged, this.length)
      const larger = Buffer.allocUnsafeSlow(2 * this.length)
      larger.set(this.#memory)
      this.#memory = larger
    }
    this.#memory[this.length++] = byte
  }
}

/** The one refusal of a body that is no JSON object we take; the message says why, and quotes nothing of the body. */
export function notJson(message: string, field?: string): ServiceError {
  return new ServiceError('body-not-json', message, field === undefined ? {} : { field })
}

function parseStrictly(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw notJson('The body is not valid UTF-8.')
  const text = bytes.toString('utf8')
  try {
    return JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text)
  } catch {
    throw notJson('The body is not valid JSON.')
  }
}

/** What JSON can write and a value cannot hold, or no store as UTF-8. Recursion ends at the depth that was read. */
function refuseUnrepresentable(value: unknown): void {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw notJson('The JSON body has a number that is out of range.')
  if (typeof value === 'string' && !value.isWellFormed())
    throw notJson('The JSON body has a string with half a surrogate pair.')
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) Object.keys(value).forEach(refuseUnrepresentable)
  Object.values(value).forEach(refuseUnrepresentable)
}

/** What JSON lets stand between tokens: space, tab, line feed, carriage return. */
function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
}
