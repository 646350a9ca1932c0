import { ServiceError } from '../errors.ts'

/** C0, DEL and C1. CR and LF would end a header. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/
/** `checkName` as a JSON Schema pattern. */
export const NAME_PATTERN = '^[^\\u0000-\\u001f\\u007f-\\u009f]*$'
/** What a header can carry unencoded, with no space around it. */
export const MIME_TYPE = /^[!-~]([ -~]*[!-~])?$/

/**
 * A file name is data: any Unicode, kept as sent. Refuses what could not be shown or sent again.
 * @throws ServiceError `field-invalid`
 */
export function checkName(field: string, name: string): void {
  if (CONTROL.test(name))
    throw new ServiceError('field-invalid', `${field} contains control characters.`, { field })
  if (!name.isWellFormed())
    throw new ServiceError('field-invalid', `${field} is not valid Unicode.`, { field })
}

/**
 * A MIME type is sent in headers, so it must be printable ASCII; its syntax is not checked.
 * @throws ServiceError `field-invalid`
 */
export function checkMimeType(field: string, mimeType: string): void {
  if (MIME_TYPE.test(mimeType)) return
  throw new ServiceError('field-invalid', `${field} must be printable ASCII with no space around it.`, {
    field,
  })
}
