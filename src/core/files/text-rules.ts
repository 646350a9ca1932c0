import { ServiceError } from '../errors.ts'

/** C0, DEL and C1: they have no place in a name, and CR and LF would end a header. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/
/** The names that `checkName` takes, as JSON Schema says it (well-formed as JSON is). */
export const NAME_PATTERN = '^[^\\u0000-\\u001f\\u007f-\\u009f]*$'
/** What a header can carry without any encoding, with no space around it. */
export const MIME_TYPE = /^[!-~]([ -~]*[!-~])?$/

/**
 * A file name is data: any Unicode, kept as sent. Only what could not be shown or sent again is refused.
 * @throws ServiceError `field-invalid`
 */
export function checkName(field: string, name: string): void {
  if (CONTROL.test(name))
    throw new ServiceError('field-invalid', `${field} contains control characters.`, { field })
  if (!name.isWellFormed())
    throw new ServiceError('field-invalid', `${field} is not valid Unicode.`, { field })
}

/**
 * A MIME type travels in headers both ways, so it must be printable ASCII; its form is otherwise the caller's affair.
 * @throws ServiceError `field-invalid`
 */
export function checkMimeType(field: string, mimeType: string): void {
  if (MIME_TYPE.test(mimeType)) return
  throw new ServiceError('field-invalid', `${field} must be printable ASCII with no space around it.`, {
    field,
  })
}
