import { ServiceError } from '../core/errors.ts'
import type { FileId, ParseFileId } from '../core/file-id.ts'

/*
 * The fields of a request, and what is wrong with them as FastAPI tells it: several vendors do.
 */

/** Where a value stood: `["query", "page_size"]`. */
export type Location = readonly (string | number)[]

/** One entry of a FastAPI 422 (types and texts: docs.pydantic.dev, "Validation Errors"). */
export interface Problem {
  readonly type: string
  readonly loc: Location
  readonly msg: string
  readonly input?: unknown
  readonly ctx?: Readonly<Record<string, unknown>>
}

/** A request with something wrong in one or more fields. All are told at once. */
export class InvalidRequest extends ServiceError {
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    super('field-invalid', problems.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; '))
    this.problems = problems
  }
}

/** Gathers what is wrong while a request is read to its end. */
export class Problems {
  readonly #found: Problem[] = []

  add(loc: Location, type: string, msg: string, more: Pick<Problem, 'input' | 'ctx'> = {}): undefined {
    this.#found.push({ type, loc, msg, ...more })
  }

  missing(loc: Location): undefined {
    return this.add(loc, 'missing', 'Field required', { input: null })
  }

  notOneOf(loc: Location, words: readonly string[], input: string): undefined {
    const quoted = words.map((word) => `'${word}'`)
    const expected = [quoted.slice(0, -1).join(', '), quoted.at(-1)].join(' or ')
    return this.add(loc, 'enum', `Input should be ${expected}`, { input, ctx: { expected } })
  }

  /** Of a text that is kept: PostgreSQL cannot hold NUL. */
  notNul(loc: Location, text: string | undefined): void {
    if (text?.includes('\0')) this.add(loc, 'value_error', 'String should not contain null characters')
  }

  /** @throws InvalidRequest if there are any */
  settle(): void {
    if (this.#found.length > 0) throw new InvalidRequest(this.#found)
  }
}

/** Reads a request to its end. @throws InvalidRequest with all of its problems */
export function reading<T>(read: (problems: Problems) => T): T {
  const problems = new Problems()
  const found = read(problems)
  problems.settle()
  return found
}

/** The `detail` of a 422. */
export function problemsOf(error: ServiceError): readonly Problem[] {
  if (error instanceof InvalidRequest) return error.problems
  const { field, message } = error
  return [{ type: 'value_error', loc: ['body', ...(field ? [field] : [])], msg: message }]
}

const INDEX = /^\[\d*\]$/

/** An object of values from outside (a query or a JSON body), read field by field with every problem noted. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>
  readonly #place: Location
  readonly #problems: Problems

  private constructor(values: object, place: Location, problems: Problems) {
    this.#values = values as Readonly<Record<string, unknown>>
    this.#place = place
    this.#problems = problems
  }

  /** Without fields if the value is no object, which is noted. */
  static of(value: unknown, place: Location, problems: Problems): Fields {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    if (isObject) return new Fields(value, place, problems)
    const msg = 'Input should be a valid dictionary or object to extract fields from'
    problems.add(place, 'model_attributes_type', msg, { input: value })
    return new Fields({}, place, problems)
  }

  names(): readonly string[] {
    return Object.keys(this.#values)
  }

  /** Well-formed: a store would make something else of half a surrogate pair, which JSON can hold. */
  text(name: string): string | undefined {
    const value = this.#value(name)
    if (value === undefined) return undefined
    if (typeof value !== 'string')
      return this.#refuse(name, 'string_type', 'Input should be a valid string', { input: value })
    if (value.isWellFormed()) return value
    // The value is not repeated: many clients cannot read it back.
    const msg = 'Input should be a valid string, unable to parse raw data as a unicode string'
    return this.#refuse(name, 'string_unicode', msg)
  }

  /** A text that has to be there. */
  required(name: string): string {
    if (this.#value(name) === undefined) this.#problems.missing([...this.#place, name])
    return this.text(name) ?? ''
  }

  /** A text that will be stored. */
  keptText(name: string): string | undefined {
    const text = this.text(name)
    this.#problems.notNul([...this.#place, name], text)
    return text
  }

  /** A whole number, from a query's text or a JSON number. */
  integer(name: string, minimum: number, maximum = Number.MAX_SAFE_INTEGER): number | undefined {
    const value = this.#value(name)
    if (value === undefined) return undefined
    const isText = typeof value === 'string'
    const number = isText && /^[+-]?\d{1,16}$/.test(value.trim()) ? Number(value) : value
    if (!Number.isSafeInteger(number)) {
      const msg = 'Input should be a valid integer'
      if (!isText) return this.#refuse(name, 'int_type', msg, { input: value })
      const unparsed = `${msg}, unable to parse string as an integer`
      return this.#refuse(name, 'int_parsing', unparsed, { input: value })
    }
    const found = number as number
    const input = String(found)
    if (found < minimum) {
      const msg = `Input should be greater than or equal to ${minimum}`
      return this.#refuse(name, 'greater_than_equal', msg, { input, ctx: { ge: minimum } })
    }
    if (found > maximum) {
      const msg = `Input should be less than or equal to ${maximum}`
      return this.#refuse(name, 'less_than_equal', msg, { input, ctx: { le: maximum } })
    }
    return found
  }

  boolean(name: string): boolean | undefined {
    const value = this.#value(name)
    if (value === undefined || typeof value === 'boolean') return value
    return this.#refuse(name, 'bool_type', 'Input should be a valid boolean', { input: value })
  }

  /** Of a query: the words that pydantic takes for a boolean, in any case. */
  flag(name: string): boolean | undefined {
    const text = this.text(name)?.toLowerCase()
    if (text === undefined) return undefined
    if (['true', '1', 'on', 't', 'y', 'yes'].includes(text)) return true
    if (['false', '0', 'off', 'f', 'n', 'no'].includes(text)) return false
    const msg = 'Input should be a valid boolean, unable to interpret input'
    return this.#refuse(name, 'bool_parsing', msg, { input: this.text(name) })
  }

  /** One of these words, in any case. */
  oneOf<T extends string>(name: string, words: readonly T[]): T | undefined {
    const text = this.text(name)
    const found = words.find((word) => word === text?.toLowerCase())
    if (text === undefined || found !== undefined) return found
    return this.#problems.notOneOf([...this.#place, name], words, text)
  }

  fileId(name: string, parse: ParseFileId): FileId | undefined {
    return this.#fileIdOf(parse, this.#value(name), [...this.#place, name])
  }

  /** Ids as a list, or as one; undefined if none is given. */
  fileIds(name: string, maxIds: number, parse: ParseFileId): readonly FileId[] | undefined {
    const list = this.#list(name)
    if (list === undefined) return undefined
    if (list.length > maxIds) {
      const msg = `List should have at most ${maxIds} items after validation`
      return this.#refuse(name, 'too_long', msg, { ctx: { max_length: maxIds } })
    }
    const ids = list.map((id, index) => this.#fileIdOf(parse, id, [...this.#place, name, index]))
    return ids.filter((id) => id !== undefined)
  }

  /** Texts, as a list or comma-separated. */
  texts(name: string): readonly string[] {
    const list = this.#list(name) ?? []
    return list.flatMap((text) => String(text).split(',')).map((text) => text.trim())
  }

  object(name: string): Fields {
    return Fields.of(this.#value(name) ?? {}, [...this.#place, name], this.#problems)
  }

  /** Null, an empty text and absence are the same: clients send all three for "not given". */
  #value(name: string): unknown {
    const value = Object.hasOwn(this.#values, name) ? this.#values[name] : undefined
    return value === null || value === '' ? undefined : value
  }

  /**
   * The values of a list. Some clients write `name[]` or `name[0]` for `name`: FastAPI would take that for no filter at all
   * and answer with everything. Another index, as in `name[x]` or `name.0`, is a problem for the same reason.
   */
  #list(name: string): readonly unknown[] | undefined {
    const keys = this.names().filter((key) => key === name || /^[[.]/.test(afterName(name, key)))
    for (const key of keys) {
      if (key === name || INDEX.test(afterName(name, key))) continue
      const msg = `A list is written as ${name}, ${name}[] or ${name}[0]`
      this.#refuse(key, 'extra_forbidden', msg, { input: this.#values[key] })
    }
    const given = keys.map((key) => this.#value(key)).filter((value) => value !== undefined)
    return given.length === 0 ? undefined : given.flat()
  }

  #fileIdOf(parse: ParseFileId, input: unknown, loc: Location): FileId | undefined {
    const id = typeof input === 'string' ? parse(input) : undefined
    return id ?? this.#problems.add(loc, 'uuid_parsing', 'Input should be a valid UUID', { input })
  }

  #refuse(name: string, type: string, msg: string, more?: Pick<Problem, 'input' | 'ctx'>): undefined {
    return this.#problems.add([...this.#place, name], type, msg, more)
  }
}

/** '' if the key does not begin with the name. */
function afterName(name: string, key: string): string {
  return key.startsWith(name) ? key.slice(name.length) : ''
}
