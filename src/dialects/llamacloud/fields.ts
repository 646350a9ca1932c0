import { type FileId, parseFileId } from '../../core/file-id.ts'
import type { Location, Problems } from './problems.ts'

const INDEX = /^\[\d*\]$/

/** An object of values from outside (a query or a JSON body), read field by field with every problem noted. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>
  readonly #place: Location
  readonly #problems: Problems

  constructor(values: Readonly<Record<string, unknown>>, place: Location, problems: Problems) {
    this.#values = values
    this.#place = place
    this.#problems = problems
  }

  /** Null, an empty text and absence are the same: clients send all three for "not given". */
  #value(name: string): unknown {
    const value = Object.hasOwn(this.#values, name) ? this.#values[name] : undefined
    return value === null || value === '' ? undefined : value
  }

  #loc(name: string): Location {
    return [...this.#place, name]
  }

  /** Well-formed: a store would make something else of half a surrogate pair, which JSON can hold. */
  text(name: string): string | undefined {
    const value = this.#value(name)
    if (value === undefined) return undefined
    if (typeof value === 'string') return value.isWellFormed() ? value : this.#notUnicode(name)
    return this.#problems.add({
      type: 'string_type',
      loc: this.#loc(name),
      msg: 'Input should be a valid string',
      input: value,
    })
  }

  /** A whole number, from a query's text or a JSON number. */
  integer(name: string): number | undefined {
    const value = this.#value(name)
    if (value === undefined) return undefined
    const number = typeof value === 'string' && /^[+-]?\d{1,16}$/.test(value.trim()) ? Number(value) : value
    if (Number.isSafeInteger(number)) return number as number
    const [type, msg] =
      typeof value === 'string'
        ? ['int_parsing', 'Input should be a valid integer, unable to parse string as an integer']
        : ['int_type', 'Input should be a valid integer']
    return this.#problems.add({ type, loc: this.#loc(name), msg, input: value })
  }

  integerIn(name: string, minimum: number, maximum = Number.MAX_SAFE_INTEGER): number | undefined {
    const value = this.integer(name)
    if (value === undefined) return undefined
    const loc = this.#loc(name)
    if (value < minimum) {
      const msg = `Input should be greater than or equal to ${minimum}`
      return this.#problems.add({
        type: 'greater_than_equal',
        loc,
        msg,
        input: String(value),
        ctx: { ge: minimum },
      })
    }
    if (value > maximum) {
      const msg = `Input should be less than or equal to ${maximum}`
      return this.#problems.add({
        type: 'less_than_equal',
        loc,
        msg,
        input: String(value),
        ctx: { le: maximum },
      })
    }
    return value
  }

  boolean(name: string): boolean | undefined {
    const value = this.#value(name)
    if (value === undefined || typeof value === 'boolean') return value
    return this.#problems.add({
      type: 'bool_type',
      loc: this.#loc(name),
      msg: 'Input should be a valid boolean',
      input: value,
    })
  }

  /** A text that has to be there. */
  required(name: string): string {
    if (this.#value(name) === undefined) this.#problems.missing(this.#loc(name))
    return this.text(name) ?? ''
  }

  /** An address of HTTP that has to be there. */
  url(name: string): string {
    const text = this.required(name)
    const { protocol = '' } = URL.parse(text) ?? {}
    if (text !== '' && !/^https?:$/.test(protocol)) {
      const msg = 'Input should be a valid URL of https or http'
      this.#problems.add({ type: 'url_parsing', loc: this.#loc(name), msg, input: text })
    }
    return text
  }

  names(): readonly string[] {
    return Object.keys(this.#values)
  }

  /** One of these words, in any case. */
  oneOf<T extends string>(name: string, words: readonly T[]): T | undefined {
    const text = this.text(name)
    const found = words.find((word) => word === text?.toLowerCase())
    if (text === undefined || found !== undefined) return found
    const expected = words.map((word) => `'${word}'`).join(' or ')
    const msg = `Input should be ${expected}`
    return this.#problems.add({ type: 'enum', loc: this.#loc(name), msg, input: text, ctx: { expected } })
  }

  fileId(name: string): FileId | undefined {
    return this.#fileIdOf(this.#value(name), this.#loc(name))
  }

  /** Ids as a list, or as one; undefined if none is given. */
  fileIds(name: string, maxIds: number): readonly FileId[] | undefined {
    const list = this.#list(name)
    if (list === undefined) return undefined
    if (list.length > maxIds) {
      const msg = `List should have at most ${maxIds} items after validation`
      return this.#problems.add({ type: 'too_long', loc: this.#loc(name), msg, ctx: { max_length: maxIds } })
    }
    const ids = list.map((id, index) => this.#fileIdOf(id, [...this.#loc(name), index]))
    return ids.filter((id) => id !== undefined)
  }

  /** Texts, as a list or comma-separated. */
  texts(name: string): readonly string[] {
    const list = this.#list(name) ?? []
    return list.flatMap((text) => String(text).split(',')).map((text) => text.trim())
  }

  /**
   * The values of a list. Some clients write `name[]` or `name[0]` for `name`: FastAPI would take that for no filter at all
   * and answer with everything. Another index, as in `name[x]` or `name.0`, is a problem for the same reason.
   */
  #list(name: string): readonly unknown[] | undefined {
    const keys = Object.keys(this.#values).filter((key) => key === name || isBegunBy(name, key))
    for (const key of keys) if (key !== name && !INDEX.test(key.slice(name.length))) this.#notIndex(name, key)
    const given = keys.map((key) => this.#value(key)).filter((value) => value !== undefined)
    return given.length === 0 ? undefined : given.flat()
  }

  #notIndex(name: string, key: string): void {
    const msg = `A list is written as ${name}, ${name}[] or ${name}[0]`
    this.#problems.add({ type: 'extra_forbidden', loc: this.#loc(key), msg, input: this.#values[key] })
  }

  object(name: string): Fields {
    const value = this.#value(name)
    if (value !== undefined && (typeof value !== 'object' || Array.isArray(value))) {
      const msg = 'Input should be a valid dictionary or object to extract fields from'
      this.#problems.add({ type: 'model_attributes_type', loc: this.#loc(name), msg, input: value })
    }
    const inner = typeof value === 'object' && !Array.isArray(value) ? value : {}
    return new Fields((inner ?? {}) as Record<string, unknown>, this.#loc(name), this.#problems)
  }

  #fileIdOf(value: unknown, loc: Location): FileId | undefined {
    const id = typeof value === 'string' ? parseFileId(value) : undefined
    return id ?? this.#notUuid(loc, value)
  }

  /** The value is not repeated: many clients cannot read it back. */
  #notUnicode(name: string): undefined {
    const msg = 'Input should be a valid string, unable to parse raw data as a unicode string'
    return this.#problems.add({ type: 'string_unicode', loc: this.#loc(name), msg })
  }

  #notUuid(loc: Location, input: unknown): undefined {
    return this.#problems.add({ type: 'uuid_parsing', loc, msg: 'Input should be a valid UUID', input })
  }
}

function isBegunBy(name: string, key: string): boolean {
  return key.startsWith(name) && (key[name.length] === '[' || key[name.length] === '.')
}
