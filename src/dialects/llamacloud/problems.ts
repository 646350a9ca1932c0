import { ServiceError } from '../../core/errors.ts'

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

  add(problem: Problem): undefined {
    this.#found.push(problem)
  }

  missing(loc: Location): undefined {
    return this.add({ type: 'missing', loc, msg: 'Field required', input: null })
  }

  /** Of a text that is kept: PostgreSQL cannot hold NUL. */
  notNul(loc: Location, text: string | null): void {
    if (text?.includes('\0'))
      this.add({ type: 'value_error', loc, msg: 'String should not contain null characters' })
  }

  /** @throws InvalidRequest if there are any */
  settle(): void {
    if (this.#found.length > 0) throw this.toError()
  }

  toError(): InvalidRequest {
    return new InvalidRequest(this.#found)
  }
}
