import { ServiceError } from '../../core/errors.ts'

/** One thing wrong with a request, as `google.rpc.BadRequest` tells it. */
export interface Violation {
  /** A path in snake_case: `expiration_config.ttl_days`. */
  readonly field: string
  readonly description: string
}

/** Bounds of what is told about a request: trailers of gRPC have to fit into 8 KiB. */
const MAX_VIOLATIONS = 8
const MAX_QUOTED_CHARACTERS = 64

/** What is wrong with a field that is not given. */
export const REQUIRED = 'field is required'

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

/** Notes one thing that is wrong. */
export type Refuse = (field: string, description: string) => void

/** Reads a request to its end. @throws InvalidArgument with all that is wrong with it */
export function reading<T>(read: (refuse: Refuse) => T): T {
  const violations: Violation[] = []
  const found = read((field, description) => void violations.push({ field, description }))
  if (violations.length > 0) throw new InvalidArgument(violations)
  return found
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
