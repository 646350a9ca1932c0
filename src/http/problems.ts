import { ServiceError } from '../core/errors.ts'

/*
 * What is wrong with the fields of a request, as FastAPI tells it: several vendors do.
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
