import { ServiceError } from '../../core/errors.ts'
import type { ExpiryRule } from '../../core/files/create-file.ts'
import { checkMimeType, faultOf, textRules } from '../../core/files/text-rules.ts'
import { SECOND_MS } from '../../core/ports/clock.ts'
import { baseName } from '../../http/form-upload.ts'
import type { Flavour } from './flavours.ts'
import { parsePartId } from './ids.ts'
import type { OpenAISettings } from './settings.ts'

/** The page that the vendor serves at most, and by default. */
export const MAX_PAGE = 10_000
export const MAX_PARTS = 10_000
export const MIN_EXPIRY_SECONDS = 3600
export const MAX_EXPIRY_SECONDS = 30 * 24 * 3600

const anchors = ['created_at'] as const
const orders = ['desc', 'asc'] as const

/** Fields by their names, of a query, a form or a JSON body. */
type Values = Readonly<Record<string, unknown>>

/** In the words of the vendor's schema checker, which tells the first problem. */
function refuse(problem: string, field: string): ServiceError {
  return new ServiceError('field-invalid', `${problem} - '${field}'`, { field })
}

export function missing(field: string): ServiceError {
  return new ServiceError('field-missing', `'${field}' is a required property`, { field })
}

function unexpected(field: string): ServiceError {
  const message = `Additional properties are not allowed ('${field}' was unexpected)`
  return new ServiceError('field-unknown', message, { field })
}

/** @throws ServiceError `field-unknown`, unless the operator lets them pass */
export function refuseUnknown([first]: readonly string[], { unknownFields }: OpenAISettings): void {
  if (first !== undefined && unknownFields === 'refuse') throw unexpected(first)
}

export interface RequestedPage {
  readonly limit: number
  readonly descending: boolean
  readonly purpose: string | undefined
  /** The id that the page follows. */
  readonly after: string | undefined
}

/** Parameters that are not known are ignored, and so are empty ones. @throws ServiceError `field-invalid` */
export function readListQuery(query: unknown): RequestedPage {
  const values = query as Values
  const order = oneOf('order', lastText(values.order) ?? orders[0], orders)
  return {
    limit: numberIn('limit', decimal(lastText(values.limit)) ?? MAX_PAGE, 1, MAX_PAGE),
    descending: order === 'desc',
    purpose: lastText(values.purpose),
    after: lastText(values.after),
  }
}

/** What is asked of a file that comes whole, and of an upload. */
export interface RequestedFile {
  readonly purpose: string
  /** After the file is made; undefined: the default of the purpose. */
  readonly expirySeconds: number | undefined
}

export const formFields = ['purpose', 'expires_after[anchor]', 'expires_after[seconds]'] as const

/** @throws ServiceError `field-missing`, `field-invalid` */
export function readFormFields(fields: ReadonlyMap<string, string>, { purposes }: Flavour): RequestedFile {
  const [purpose, anchor, seconds] = formFields.map((name) => fields.get(name))
  if (purpose === undefined) throw missing('purpose')
  const given =
    anchor === undefined && seconds === undefined ? undefined : { anchor, seconds: decimal(seconds) }
  return { purpose: oneOf('purpose', purpose, purposes), expirySeconds: readExpiry(given) }
}

/** A number in a form or a query is text. What is no whole number stays as it was sent. */
function decimal(text: string | undefined): unknown {
  return text !== undefined && /^-?\d{1,15}$/.test(text) ? Number(text) : text
}

export interface RequestedUpload extends RequestedFile {
  readonly sizeBytes: number
  readonly filename: string
  readonly mimeType: string
}

const uploadFields = ['bytes', 'filename', 'mime_type', 'purpose', 'expires_after'] as const

/** @throws ServiceError `field-missing`, `field-invalid`, `field-unknown`, `body-not-json` */
export function readUploadBody(
  body: unknown,
  { purposes }: Flavour,
  maxBytes: number,
  settings: OpenAISettings,
): RequestedUpload {
  const values = objectOf(body, uploadFields, settings)
  for (const name of uploadFields.slice(0, 4)) if (values[name] === undefined) throw missing(name)
  const filename = baseName(textIn('filename', values.filename))
  const mimeType = textIn('mime_type', values.mime_type)
  requireName('filename', filename)
  checkMimeType('mime_type', mimeType)
  return {
    sizeBytes: numberIn('bytes', values.bytes, 1, maxBytes),
    filename,
    mimeType,
    purpose: oneOf('purpose', textIn('purpose', values.purpose), purposes),
    expirySeconds: readExpiry(values.expires_after),
  }
}

/** @throws ServiceError `field-invalid` */
export function requireName(field: string, name: string): void {
  const fault = faultOf(name, textRules.name)
  if (fault !== undefined) throw refuse(`The name ${fault}`, field)
}

export interface RequestedParts {
  /** As the ledger names them. */
  readonly starts: readonly number[]
  /** Lower-case hex. */
  readonly md5: string | undefined
}

/** @throws ServiceError `field-missing`, `field-invalid`, `field-unknown`, `body-not-json` */
export function readCompleteBody(body: unknown, settings: OpenAISettings): RequestedParts {
  const { part_ids: ids, md5 } = objectOf(body, ['part_ids', 'md5'], settings)
  if (ids === undefined) throw missing('part_ids')
  if (!Array.isArray(ids)) throw refuse(`${printed(ids)} is not of type 'array'`, 'part_ids')
  if (ids.length > MAX_PARTS) throw refuse('The list is too long', 'part_ids')
  const starts = ids.map((id: unknown) => {
    const start = parsePartId(textIn('part_ids', id))
    if (start === undefined) throw refuse(`${printed(id)} is no part of this upload`, 'part_ids')
    return start
  })
  return { starts, md5: md5 === undefined ? undefined : readMd5(textIn('md5', md5)) }
}

/** In hex of any letter case, or in base64: the vendor does not say. */
function readMd5(text: string): string {
  if (/^[\da-f]{32}$/i.test(text)) return text.toLowerCase()
  if (/^[A-Za-z\d+/]{22}==$/.test(text)) return Buffer.from(text, 'base64').toString('hex')
  throw refuse(`${printed(text)} is no MD5`, 'md5')
}

/** When a file ends. */
export function expiryOf(
  { purpose, expirySeconds }: RequestedFile,
  { batchDays }: OpenAISettings,
): ExpiryRule {
  if (expirySeconds !== undefined) return { policy: 'at', afterMs: expirySeconds * SECOND_MS }
  if (purpose !== 'batch' || batchDays === undefined) return { policy: 'never' }
  return { policy: 'since-created', ttlDays: batchDays }
}

/** Both or neither. */
function readExpiry(given: unknown): number | undefined {
  if (given === undefined) return undefined
  const field = 'expires_after'
  if (typeof given !== 'object' || Array.isArray(given))
    throw refuse(`${printed(given)} is not of type 'object'`, field)
  const { anchor, seconds } = given as Values
  for (const [name, value] of Object.entries({ anchor, seconds }))
    if (value === undefined || value === null) throw refuse(`'${name}' is a required property`, field)
  oneOf(`${field}.anchor`, textIn(`${field}.anchor`, anchor), anchors)
  return numberIn(`${field}.seconds`, seconds, MIN_EXPIRY_SECONDS, MAX_EXPIRY_SECONDS)
}

/** Fields that are null count as absent. */
function objectOf(body: unknown, known: readonly string[], settings: OpenAISettings): Values {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new ServiceError('body-not-json', 'The body must be a JSON object.')
  const given = Object.entries(body).filter(([, value]) => value !== null)
  refuseUnknown(
    given.map(([name]) => name).filter((name) => !known.includes(name)),
    settings,
  )
  return Object.fromEntries(given)
}

function textIn(field: string, value: unknown): string {
  if (typeof value === 'string') return value
  throw refuse(`${printed(value)} is not of type 'string'`, field)
}

function numberIn(field: string, value: unknown, minimum: number, maximum: number): number {
  if (!Number.isSafeInteger(value)) throw refuse(`${printed(value)} is not of type 'integer'`, field)
  const number = value as number
  if (number < minimum) throw refuse(`${number} is less than the minimum of ${minimum}`, field)
  if (number > maximum) throw refuse(`${number} is greater than the maximum of ${maximum}`, field)
  return number
}

function oneOf(field: string, text: string, words: readonly string[]): string {
  if (words.includes(text)) return text
  const list = words.map((word) => `'${word}'`).join(', ')
  throw refuse(`${printed(text)} is not one of [${list}]`, field)
}

/** Of a parameter that comes several times the last one counts; one that is empty is not there. */
function lastText(value: unknown): string | undefined {
  const last: unknown = Array.isArray(value) ? value.at(-1) : value
  return typeof last === 'string' && last !== '' ? last : undefined
}

const MAX_PRINTED_CHARACTERS = 200

/** As Python prints texts. */
function printed(value: unknown): string {
  const text = typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? String(value))
  return text.slice(0, MAX_PRINTED_CHARACTERS).toWellFormed()
}
