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
