import { ServiceError } from '../../core/errors.ts'

/** The one refusal of a body that is no JSON object we take; the message says why, and quotes nothing of the body. */
export function notJson(message: string, field?: string): ServiceError {
  return new ServiceError('body-not-json', message, field === undefined ? {} : { field })
}

export function notBase64(field: string): ServiceError {
  return new ServiceError('field-invalid', `${field}: not valid base64`, { field })
}
