import { ServiceError } from '../../core/errors.ts'

/**
 * An object of proto3's JSON: names of fields in camelCase or as the `.proto` file has them, null for absent, 64-bit integers
 * as text or number. Fields that are not asked for are ignored, as newer clients may send them.
 */
export class ProtoObject {
  readonly #fields: Readonly<Record<string, unknown>>
  /** Where it stands, for messages: `file.`; empty at the top. */
  readonly #place: string

  private constructor(fields: Readonly<Record<string, unknown>>, place: string) {
    this.#fields = fields
    this.#place = place
  }

  /** @throws ServiceError `field-invalid` if it is no object; nothing at all is an empty one */
  static of(value: unknown, place = ''): ProtoObject {
    if (value === undefined || value === null) return new ProtoObject({}, place)
    if (typeof value !== 'object' || Array.isArray(value))
      throw invalidValue(place.slice(0, -1) || 'body', 'an object', value)
    return new ProtoObject(value as Record<string, unknown>, place)
  }

  object(name: string): ProtoObject {
    return ProtoObject.of(this.#value(name), `${this.#place}${name}.`)
  }

  /** Undefined: absent or empty, which is the same in proto3. @throws ServiceError `field-invalid` */
  text(name: string): string | undefined {
    const value = this.#value(name)
    if (value === undefined || value === '') return undefined
    // No database keeps it.
    if (typeof value !== 'string' || value.includes('\0')) throw this.#invalid(name, 'a text', value)
    return value
  }

  /** @throws ServiceError `field-invalid` unless it is a whole number that is not negative, as text or number */
  integer(name: string): number | undefined {
    const value = this.#value(name)
    if (value === undefined) return undefined
    const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value
    if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0)
      throw this.#invalid(name, 'a whole number that is not negative', value)
    return number
  }

  #value(name: string): unknown {
    return this.#fields[name] ?? this.#fields[snakeOf(name)] ?? undefined
  }

  #invalid(name: string, wanted: string, value: unknown): ServiceError {
    return invalidValue(this.#place + name, wanted, value)
  }
}

/** A text in quotes of either kind; one that is not closed goes to the end, so that none is looked at twice. */
const QUOTED = /"(?:[^"\\]|\\.)*"?|'((?:[^'\\]|\\.)*)'?/gs

/** The vendor's printed curl commands write JSON with single quotes, which its server takes. */
export function withDoubleQuotes(text: string): string {
  return text.replaceAll(QUOTED, (whole, single: string | undefined) => {
    if (single === undefined) return whole
    // What is escaped stays so, but for the quote that needs it no more.
    const content = single.replaceAll(/\\?["']|\\./gs, (part) => {
      if (part.endsWith('"')) return '\\"'
      return part === "\\'" ? "'" : part
    })
    return `"${content}"`
  })
}

function snakeOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

const MAX_SHOWN = 100

function invalidValue(field: string, wanted: string, value: unknown): ServiceError {
  const shown = JSON.stringify(value).slice(0, MAX_SHOWN)
  return invalidArgument(field, `Invalid value at '${field}': must be ${wanted}, not ${shown}`)
}

/** @param field at fault */
export function invalidArgument(field: string, message: string): ServiceError {
  return new ServiceError('field-invalid', message, { field })
}
