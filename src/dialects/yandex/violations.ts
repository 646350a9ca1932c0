import { ServiceError } from '../../core/errors.ts'

/** One thing wrong with a request, as `google.rpc.BadRequest` tells it. */
export interface Violation {
  /** A path in snake_case: `expiration_config.ttl_days`. */
  readonly field: string
  readonly description: string
}

/** What a caller sends may be huge; what we say about it is not. Trailers of gRPC have to fit into 8 KiB. */
const MAX_VIOLATIONS = 8
const MAX_QUOTED_CHARACTERS = 64

/** A request with something wrong in one or more fields. All are told at once, up to a bound. */
export class InvalidArgument extends ServiceError {
  readonly violations: readonly Violation[]

  constructor(violations: readonly Violation[]) {
    const told = violations.slice(0, MAX_VIOLATIONS)
    const message = told.map(({ field, description }) => `${field}: ${description}`).join('; ')
    super('field-invalid', message, told[0] === undefined ? {} : { field: told[0].field })
    this.violations = told
  }
}

/** Gathers what is wrong while a request is read to its end. */
export class Violations {
  readonly #found: Violation[] = []

  add(field: string, description: string): undefined {
    this.#found.push({ field, description })
  }

  missing(field: string): undefined {
    return this.add(field, 'field is required')
  }

  /** @throws InvalidArgument if there are any */
  settle(): void {
    if (this.#found.length > 0) throw new InvalidArgument(this.#found)
  }
}

export function invalid(field: string, description: string): InvalidArgument {
  return new InvalidArgument([{ field, description }])
}

/** A piece of the caller's text, short enough to be told back. */
export function quote(text: string): string {
  const characters = [...text.slice(0, 2 * MAX_QUOTED_CHARACTERS)].slice(0, MAX_QUOTED_CHARACTERS)
  const piece = characters.join('')
  return (piece === text ? text : `${piece}…`).toWellFormed()
}
