import { randomUUID } from 'node:crypto'

/** Lower-case UUIDv7 text. The one identity of a file; every dialect prints it in a form of its own. */
export type FileId = string

interface IdForm {
  readonly prefix: string
  readonly alphabet: string
  readonly length: number
  readonly pattern: RegExp
}

/** Each form is prefix + the 128 bits in the alphabet, most significant digit first, zero-padded to `length`. */
const radixForms = {
  lightfield: {
    prefix: 'fil_',
    alphabet: '0123456789abcdefghijklmnopqrstuvwxyz',
    length: 25,
    pattern: /^[0-9a-z]+$/,
  },
  yandex: { prefix: 'fvt', alphabet: '0123456789abcdefghijklmnopqrstuv', length: 26, pattern: /^[0-9a-v]+$/ },
} as const satisfies Record<string, IdForm>

type RadixFormName = keyof typeof radixForms
const radixFormNames = Object.keys(radixForms) as RadixFormName[]

const LLAMACLOUD_PREFIX = 'dfl-'
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
/** As many digits of either alphabet as a number holds exactly. */
const EXACT_DIGITS = 10
const MAX_ID = (1n << 128n) - 1n

/**
 * Every id that can be printed, in each dialect's form, as JSON Schema says it. A few texts that `parseFileId` takes are left
 * out: those of times after the year 10800.
 */
export const FILE_ID_PATTERN =
  '^(fil_[0-9a-e][0-9a-z]{24}|fvt[0-7][0-9a-v]{25}|(dfl-)?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$'

export type IdFormName = 'uuid' | 'lightfield' | 'llamacloud' | 'yandex'
export const idFormNames: readonly IdFormName[] = ['uuid', 'lightfield', 'llamacloud', 'yandex']

/** A UUIDv7 (RFC 9562, 5.7): 48 bits of `nowMs`, then 74 random bits, which stand where those of a version 4 do. */
export function newFileId(nowMs: number): FileId {
  if (nowMs !== lastMs) {
    const time = nowMs.toString(16).padStart(12, '0')
    lastTime = `${time.slice(0, 8)}-${time.slice(8)}-7`
    lastMs = nowMs
  }
  return lastTime + randomUUID().slice(15)
}

/** Many ids begin with the same time, and to print it is most of the work. */
let lastMs = Number.NaN
let lastTime = ''

/** Prints an id the way one dialect does. Reversible by `parseFileId`. */
export function printFileId(id: FileId, form: IdFormName): string {
  if (form === 'uuid') return id
  if (form === 'llamacloud') return LLAMACLOUD_PREFIX + id
  return printed[form].get(id) ?? printRadix(BigInt(`0x${id.replaceAll('-', '')}`), radixForms[form])
}

/** Reads any dialect's form and the bare UUID (UUIDs in any letter case). Anything else is undefined. */
export function parseFileId(text: string): FileId | undefined {
  const known = parsed.get(text)
  if (known !== undefined) return known
  const id = readAnyForm(text)
  if (id !== undefined) remember(text, id)
  return id
}

/** The same ids come again and again, each goes back with its answer, and 25 digits cost more than a look-up. */
const parsed = new Map<string, FileId>()
const printed = { lightfield: new Map<FileId, string>(), yandex: new Map<FileId, string>() }
const MAX_REMEMBERED = 4096

function remember(text: string, id: FileId): void {
  if (parsed.size === MAX_REMEMBERED) for (const known of [parsed, ...Object.values(printed)]) known.clear()
  parsed.set(text, id)
  const form = radixFormOf(text)
  if (form !== undefined) printed[form].set(id, text)
}

function readAnyForm(text: string): FileId | undefined {
  const lower = text.toLowerCase()
  const uuid = lower.startsWith(LLAMACLOUD_PREFIX) ? lower.slice(LLAMACLOUD_PREFIX.length) : lower
  if (UUID.test(uuid)) return uuid
  const name = radixFormOf(text)
  return name && parseRadix(text.slice(radixForms[name].prefix.length), radixForms[name])
}

function radixFormOf(text: string): RadixFormName | undefined {
  return radixFormNames.find((name) => {
    const { prefix, length } = radixForms[name]
    return text.length === prefix.length + length && text.startsWith(prefix)
  })
}

function printRadix(value: bigint, form: IdForm): string {
  // BigInt's own digits are 0-9a-z, which both alphabets start with, in the same order.
  return form.prefix + value.toString(form.alphabet.length).padStart(form.length, '0')
}

function parseRadix(digits: string, form: IdForm): FileId | undefined {
  if (!form.pattern.test(digits)) return undefined
  const radix = form.alphabet.length
  let value = 0n
  for (let at = 0; at < digits.length; at += EXACT_DIGITS) {
    const part = digits.slice(at, at + EXACT_DIGITS)
    value = value * BigInt(radix ** part.length) + BigInt(Number.parseInt(part, radix))
  }
  if (value > MAX_ID) return undefined
  const hex = value.toString(16).padStart(32, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
