/** Lower-case UUIDv7 text. The one identity of a file; every dialect prints it in a form of its own. */
export type FileId = string

/** A way to write ids: one text for each of the 2^128. */
export interface FileIdForm {
  print(id: FileId): string
  /** Undefined if the text is not one that `print` gives. */
  parse(text: string): FileId | undefined
  /** What `print` gives, as a regular expression of JSON Schema that is not anchored. */
  readonly pattern: string
}

/** Reads an id in any form; undefined if it is none. */
export type ParseFileId = (text: string) => FileId | undefined

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The bare UUID; read in any letter case. */
export const uuidForm: FileIdForm = {
  print: (id) => id,
  parse(text) {
    const lower = text.toLowerCase()
    return UUID.test(lower) ? lower : undefined
  },
  pattern: '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}',
}

const HEX = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/

/** Ids as a prefix and the 32 lower-case hexadecimal digits of the UUID. */
export function hexForm(prefix: string): FileIdForm {
  return {
    print: (id) => prefix + id.replaceAll('-', ''),
    parse(text) {
      if (!text.startsWith(prefix)) return undefined
      return HEX.exec(text.slice(prefix.length))?.slice(1).join('-')
    },
    pattern: `${prefix}[0-9a-f]{32}`,
  }
}

/** As many digits of any radix up to 36 as a number holds exactly. */
const EXACT_DIGITS = 10
const MAX_ID = (1n << 128n) - 1n
/** A power of two. */
const REMEMBERED = 4096

export interface RadixForm {
  readonly prefix: string
  /** Digits are those of JavaScript's `toString(radix)`: 0-9, then a-z. */
  readonly radix: number
  readonly length: number
  readonly pattern: string
}

/** Ids as a prefix and a number of 128 bits, most significant digit first, padded with zeros. */
export function radixForm({ prefix, radix, length, pattern }: RadixForm): FileIdForm {
  const digit = radix === 36 ? '[0-9a-z]' : `[0-9a-${(radix - 1).toString(36)}]`
  const shape = new RegExp(`^${prefix}(${digit}{${length}})$`)
  const step = BigInt(radix) ** BigInt(EXACT_DIGITS)
  // An id that comes in goes back with its answer, and one that goes out comes in with the next request. 25 digits cost more
  // than a look-up: a twentieth of a retrieve, a quarter of a listing.
  const parsed = new RecentTexts()
  const printed = new RecentTexts()
  const remember = (text: string, id: FileId) => {
    parsed.set(text, id)
    printed.set(id, text)
  }
  return {
    print(id) {
      const known = printed.get(id)
      if (known !== undefined) return known
      const text = prefix + digitsOf(id, radix).padStart(length, '0')
      remember(text, id)
      return text
    },
    parse(text) {
      const known = parsed.get(text)
      if (known !== undefined) return known
      const digits = shape.exec(text)?.[1]
      const id = digits === undefined ? undefined : uuidOf(numberOf(digits, radix, step))
      if (id !== undefined) remember(text, id)
      return id
    },
    pattern,
  }
}

/**
 * Texts by keys that end in random digits. A key has one place, by its end, and takes it from the key that was there: a `Map`
 * that grows and is cleared costs more than it saves for keys that never return.
 */
class RecentTexts {
  readonly #keys: string[] = Array.from({ length: REMEMBERED }, () => '')
  readonly #texts: string[] = Array.from({ length: REMEMBERED }, () => '')

  get(key: string): string | undefined {
    const place = placeOf(key)
    return key !== '' && this.#keys[place] === key ? this.#texts[place] : undefined
  }

  set(key: string, text: string): void {
    const place = placeOf(key)
    this.#keys[place] = key
    this.#texts[place] = text
  }
}

function placeOf(key: string): number {
  const { length } = key
  const hash =
    (key.charCodeAt(length - 1) * 31 + key.charCodeAt(length - 2)) * 31 + key.charCodeAt(length - 3)
  return hash & (REMEMBERED - 1)
}

function digitsOf(id: FileId, radix: number): string {
  return BigInt(`0x${id.replaceAll('-', '')}`).toString(radix)
}

function numberOf(digits: string, radix: number, step: bigint): bigint {
  let value = 0n
  let at = 0
  for (let end = ((digits.length - 1) % EXACT_DIGITS) + 1; end <= digits.length; end += EXACT_DIGITS) {
    value = value * step + BigInt(Number.parseInt(digits.slice(at, end), radix))
    at = end
  }
  return value
}

/** Undefined: more than 128 bits. */
function uuidOf(value: bigint): FileId | undefined {
  if (value > MAX_ID) return undefined
  const hex = value.toString(16).padStart(32, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
