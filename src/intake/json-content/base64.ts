import { ServiceError } from '../../core/errors.ts'
import { notBase64 } from './errors.ts'

const GROUP_CHARACTERS = 4
const MAX_PADDING_CHARACTERS = 2
const nothing = Buffer.alloc(0)

/**
 * Base64 (RFC 4648), standard or URL-safe but not both in one value, padded or not, in pieces of any size. Nothing
 * is skipped: a blank, a foreign character, padding that does not fit, anything after it, a last character alone and
 * unused bits that are not zero are refused. Each piece of bytes is new memory.
 */
export class Base64Decoder {
  readonly #field: string
  readonly #maxBytes: number
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

  /** The bytes of the groups that this text completes. @throws ServiceError `field-invalid`, `bytes-too-many` */
  decode(text: string): Buffer {
    const characters = this.#carry + this.#takePadding(text)
    const wholeCharacters = characters.length - (characters.length % GROUP_CHARACTERS)
    this.#carry = characters.slice(wholeCharacters)
    return this.#decodeData(characters.slice(0, wholeCharacters))
  }

  /** The bytes of the last group. @throws as `decode` */
  finish(): Buffer {
    const missing = this.#carry === '' ? 0 : GROUP_CHARACTERS - this.#carry.length
    const isPadded = this.#paddingCharacters > 0
    if (missing > MAX_PADDING_CHARACTERS || (isPadded && this.#paddingCharacters !== missing)) {
      throw notBase64(this.#field)
    }
    return this.#decodeData(this.#carry)
  }

  /** The text before its padding. */
  #takePadding(text: string): string {
    const start = this.#paddingCharacters > 0 ? 0 : text.indexOf('=')
    if (start < 0) return text
    this.#paddingCharacters += text.length - start
    if (this.#paddingCharacters > MAX_PADDING_CHARACTERS || !/^=*$/.test(text.slice(start))) {
      throw notBase64(this.#field)
    }
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
    if (!this.#isSpelling(text, bytes)) throw notBase64(this.#field)
    return bytes
  }

  /** Node's decoder skips what it does not know, but its encoder has one spelling: good text is what comes back. */
  #isSpelling(text: string, bytes: Buffer): boolean {
    if (this.#alphabet !== 'base64url' && bytes.toString('base64') === padded(text)) {
      if (text.includes('+') || text.includes('/')) this.#alphabet = 'base64'
      return true
    }
    if (this.#alphabet === 'base64' || bytes.toString('base64url') !== text) return false
    this.#alphabet = 'base64url'
    return true
  }
}

function padded(text: string): string {
  return text.padEnd(Math.ceil(text.length / GROUP_CHARACTERS) * GROUP_CHARACTERS, '=')
}
