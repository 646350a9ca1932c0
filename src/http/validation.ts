import { ServiceError } from '../core/errors.ts'

/** The part of an Ajv error that we read (ajv.js.org, "Error objects"). */
export interface SchemaProblem {
  readonly keyword: string
  readonly instancePath: string
  readonly message?: string
  readonly params: Readonly<Record<string, unknown>>
}

/**
 * A schema's refusal in our words.
 * @throws never; returns ServiceError `field-missing`, `field-unknown`, `field-invalid` (field named), or `body-not-json`
 * if the body as a whole is no object
 */
export function toFieldError({ keyword, instancePath, message, params }: SchemaProblem): ServiceError {
  if (keyword === 'required') {
    const field = String(params.missingProperty)
    return new ServiceError('field-missing', `${field} is missing.`, { field })
  }
  if (keyword === 'additionalProperties') {
    const field = String(params.additionalProperty)
    return new ServiceError('field-unknown', `${field} is not a known field.`, { field })
  }
  const field = instancePath.split('/')[1]
  if (field === undefined) return new ServiceError('body-not-json', 'The body must be a JSON object.')
  return new ServiceError('field-invalid', `${field} ${reasonOf(keyword, message, params)}.`, { field })
}

function reasonOf(keyword: string, message: string | undefined, params: SchemaProblem['params']): string {
  if (keyword !== 'enum') return message ?? 'is not valid'
  return `must be one of ${(params.allowedValues as readonly string[]).join(', ')}`
}
