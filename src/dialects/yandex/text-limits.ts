import { quote, type Refuse } from './violations.ts'

/** `forbidden` is a set of characters, as a regular expression. */
interface TextRule {
  readonly maxBytes: number
  readonly forbidden: RegExp
}

/** C0, DEL and C1; in texts of several lines all of them but tab and line ends. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/
const CONTROL_BUT_LINES = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/

/** Far above what the vendor's general pages say, since its own users exceed those; bytes are of UTF-8. */
const rules = {
  name: { maxBytes: 1024, forbidden: CONTROL },
  description: { maxBytes: 4096, forbidden: CONTROL_BUT_LINES },
  labelKey: { maxBytes: 256, forbidden: CONTROL },
  labelValue: { maxBytes: 4096, forbidden: CONTROL_BUT_LINES },
} as const satisfies Record<string, TextRule>
const MAX_LABELS = 64
const MAX_MIME_TYPE_CHARACTERS = 255
/** `type/subtype` (RFC 9110, 8.3.1), with parameters in printable ASCII if any. */
const MIME_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+( *;([\u0020-\u007e]*[\u0021-\u007e])?)?$/

/** The same rules as JSON Schema says them; that knows characters alone, of which one may have up to four bytes. */
export const textSchemas = {
  name: textSchema(rules.name),
  description: textSchema(rules.description),
  mimeType: { type: 'string', maxLength: MAX_MIME_TYPE_CHARACTERS, pattern: `^$|${MIME_TYPE.source}` },
  labels: {
    type: 'object',
    maxProperties: MAX_LABELS,
    propertyNames: { minLength: 1, maxLength: rules.labelKey.maxBytes, pattern: without(CONTROL) },
    additionalProperties: textSchema(rules.labelValue),
  },
} as const

function textSchema({ maxBytes, forbidden }: TextRule) {
  const description = `At most ${maxBytes} bytes of UTF-8.`
  return { type: 'string', maxLength: maxBytes, pattern: without(forbidden), description } as const
}

function without(forbidden: RegExp): string {
  return `^${forbidden.source.replace('[', '[^')}*$`
}

/** Notes what is wrong with the text. */
export function checkText(field: 'name' | 'description', text: string, refuse: Refuse): void {
  check(field, text, rules[field], refuse)
}

export function checkMimeType(mimeType: string, refuse: Refuse): void {
  const field = 'mime_type'
  if (mimeType.length > MAX_MIME_TYPE_CHARACTERS)
    refuse(field, `must have at most ${MAX_MIME_TYPE_CHARACTERS} characters`)
  else if (mimeType !== '' && !MIME_TYPE.test(mimeType))
    refuse(field, `"${quote(mimeType)}" is not of the form type/subtype`)
}

export function checkLabels(labels: Readonly<Record<string, string>>, refuse: Refuse): void {
  const field = 'labels'
  const entries = Object.entries(labels)
  if (entries.length > MAX_LABELS) {
    refuse(field, `there are ${entries.length} labels, the maximum is ${MAX_LABELS}`)
    return
  }
  for (const [key, value] of entries) {
    if (key === '') refuse(field, 'a key is empty')
    else check(field, key, rules.labelKey, refuse, 'a key ')
    check(`labels.${quote(key)}`, value, rules.labelValue, refuse)
  }
}

function check(
  field: string,
  text: string,
  { maxBytes, forbidden }: TextRule,
  refuse: Refuse,
  subject = '',
): void {
  const bytes = Buffer.byteLength(text)
  if (bytes > maxBytes) refuse(field, `${subject}has ${bytes} bytes, the maximum is ${maxBytes}`)
  else if (!text.isWellFormed()) refuse(field, `${subject}is not valid Unicode`)
  else if (forbidden.test(text)) refuse(field, `${subject}contains control characters`)
}
