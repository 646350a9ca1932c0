import { ServiceError } from '../errors.ts'

/** C0, DEL and C1. CR and LF would end a header. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/
/** All of them but tab and line ends. */
const CONTROL_BUT_LINES = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/

/** Bounds of a text that is kept. `maxBytes` is of UTF-8; `forbidden` is a set of characters. */
export interface TextRule {
  readonly maxBytes: number
  readonly forbidden: RegExp
}

/** Where no vendor has a rule of its own. */
export const textRules = {
  name: { maxBytes: 1024, forbidden: CONTROL },
  description: { maxBytes: 4096, forbidden: CONTROL_BUT_LINES },
  purpose: { maxBytes: 256, forbidden: CONTROL },
  externalId: { maxBytes: 1024, forbidden: CONTROL },
  labelKey: { maxBytes: 256, forbidden: CONTROL },
  labelValue: { maxBytes: 4096, forbidden: CONTROL_BUT_LINES },
} as const satisfies Readonly<Record<string, TextRule>>
export const MAX_LABELS = 64

/** What is wrong with a text, as the end of a sentence about it; undefined: nothing. */
export function faultOf(text: string, { maxBytes, forbidden }: TextRule): string | undefined {
  const bytes = Buffer.byteLength(text)
  if (bytes > maxBytes) return `has ${bytes} bytes, the maximum is ${maxBytes}`
  if (!text.isWellFormed()) return 'is not valid Unicode'
  return forbidden.test(text) ? 'contains control characters' : undefined
}

/** What is wrong with labels, as the end of a sentence about them; undefined: nothing. */
export function faultOfLabels(labels: object): string | undefined {
  const entries = Object.entries(labels)
  if (entries.length > MAX_LABELS) return `are ${entries.length}, the maximum is ${MAX_LABELS}`
  for (const [key, value] of entries) {
    const fault = key === '' ? 'is empty' : faultOf(key, textRules.labelKey)
    if (fault !== undefined) return `have a key that ${fault}`
    const valueFault = typeof value === 'string' ? faultOf(value, textRules.labelValue) : 'is no text'
    if (valueFault !== undefined) return `have a value that ${valueFault}`
  }
  return undefined
}

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
