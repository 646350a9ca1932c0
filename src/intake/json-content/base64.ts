import { ServiceError } from '../../core/errors.ts'

const GROUP_CHARACTERS = 4
const MAX_PADDING_CHARACTERS = 2
const nothing = Buffer.alloc(0)

/**
 * A JSON string of base64 (RFC 4648), standard or URL-safe but not both in one value, padded or not, in pieces of any
 * size. Nothing is skipped: a blank, a foreign character, padding that does not fit, anything after it, a last character
 * alone and unused bits that are not zero are refused. Each piece of bytes is new memory.
 */
export class Base64Decoder {
  readonly #field: string
  readonly #maxBytes: number
  /** An escape begun and not ended. */
  #begun = ''
  /** Undefined until a character has shown which. */
  #alphabet: 'base64' | 'base64url' | undefined
  /** Characters of a group that is not whole yet. */
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
   * Without the escapes that stand for base64: `\/`, which PHP and others write, and `\u` of ASCII. Others stay, and with
   * them a backslash, which is no base64 either.
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
    bytes.write(text, this.#alphabet ?? 'base64')
    if (!this.#isSpelling(text, bytes)) throw this.#refusal()
    return bytes
  }

  /** Node's decoder skips what it does not know, but its encoder has one spelling: good text is what comes back. */
  #isSpelling(text: string, bytes: Buffer): boolean {
    const padded = text.padEnd(Math.ceil(text.length / GROUP_CHARACTERS) * GROUP_CHARACTERS, '=')
    if (this.#alphabet !== 'base64url' && bytes.toString('base64') === padded) {
      if (text.includes('+') || text.includes('/')) this.#alphabet = 'base64'
      return true
    }
    if (this.#alphabet === 'base64' || bytes.toString('base64url') !== text) return false
    this.#alphabet = 'base64url'
    return true
  }

  #refusal(): ServiceError {
    return new ServiceError('field-invalid', `${this.#field}: not valid base64`, { field: this.#field })
  }
}
