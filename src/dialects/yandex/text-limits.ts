import { quote, type Violations } from './violations.ts'

/** Far above what the vendor's general pages say, since its own users exceed those; bytes are of UTF-8. */
const MAX_NAME_BYTES = 1024
const MAX_DESCRIPTION_BYTES = 4096
const MAX_LABELS = 64
const MAX_LABEL_KEY_BYTES = 256
const MAX_LABEL_VALUE_BYTES = 4096
const MAX_MIME_TYPE_CHARACTERS = 255

/** C0, DEL and C1; in texts of several lines all of them but tab and line ends. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/
const CONTROL_BUT_LINES = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/
const WITHOUT_CONTROL = '^[^\\u0000-\\u001f\\u007f-\\u009f]*$'
const WITHOUT_CONTROL_BUT_LINES = '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]*$'
/** `type/subtype` (RFC 9110, 8.3.1), with parameters in printable ASCII if any. */
const MIME_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+( *;([\u0020-\u007e]*[\u0021-\u007e])?)?$/

/** What is checked here, as JSON Schema says it; that knows characters alone, of which one may have up to four bytes. */
export const textSchemas = {
  name: textSchema(MAX_NAME_BYTES, WITHOUT_CONTROL),
  description: textSchema(MAX_DESCRIPTION_BYTES, WITHOUT_CONTROL_BUT_LINES),
  mimeType: { type: 'string', maxLength: MAX_MIME_TYPE_CHARACTERS, pattern: `^$|${MIME_TYPE.source}` },
  labels: {
    type: 'object',
    maxProperties: MAX_LABELS,
    propertyNames: { minLength: 1, maxLength: MAX_LABEL_KEY_BYTES, pattern: WITHOUT_CONTROL },
    additionalProperties: textSchema(MAX_LABEL_VALUE_BYTES, WITHOUT_CONTROL_BUT_LINES),
  },
} as const

function textSchema(maxLength: number, pattern: string) {
  return { type: 'string', maxLength, pattern, description: `At most ${maxLength} bytes of UTF-8.` } as const
}

export function checkName(name: string, violations: Violations): void {
  checkText('name', name, MAX_NAME_BYTES, CONTROL, violations)
}

export function checkDescription(description: string, violations: Violations): void {
  checkText('description', description, MAX_DESCRIPTION_BYTES, CONTROL_BUT_LINES, violations)
}

export function checkMimeType(mimeType: string, violations: Violations): void {
  if (mimeType === '') return
  if (mimeType.length > MAX_MIME_TYPE_CHARACTERS)
    violations.add('mime_type', `must have at most ${MAX_MIME_TYPE_CHARACTERS} characters`)
  else if (!MIME_TYPE.test(mimeType))
    violations.add('mime_type', `"${quote(mimeType)}" is not of the form type/subtype`)
}

export function checkLabels(labels: Readonly<Record<string, string>>, violations: Violations): void {
  const entries = Object.entries(labels)
  if (entries.length > MAX_LABELS) {
    violations.add('labels', `there are ${entries.length} labels, the maximum is ${MAX_LABELS}`)
    return
  }
  for (const [key, value] of entries) {
    if (key === '') violations.add('labels', 'a key is empty')
    else checkText('labels', key, MAX_LABEL_KEY_BYTES, CONTROL, violations, 'a key ')
    checkText(`labels.${quote(key)}`, value, MAX_LABEL_VALUE_BYTES, CONTROL_BUT_LINES, violations)
  }
}

function checkText(
  field: string,
  text: string,
  maxBytes: number,
  forbidden: RegExp,
  violations: Violations,
  subject = '',
): void {
  const bytes = Buffer.byteLength(text)
  if (bytes > maxBytes) violations.add(field, `${subject}has ${bytes} bytes, the maximum is ${maxBytes}`)
  else if (!text.isWellFormed()) violations.add(field, `${subject}is not valid Unicode`)
  else if (forbidden.test(text)) violations.add(field, `${subject}contains control characters`)
}
