import { ServiceError } from '../core/errors.ts'

/** The refusal of a form that breaks the format or a limit of it. `field` is the caller's name for the part. */
export function malformed(message: string, field?: string): ServiceError {
  return new ServiceError('request-malformed', message, field === undefined ? {} : { field })
}
