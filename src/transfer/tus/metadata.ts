import { ServiceError } from '../../core/errors.ts'
import type { ExpiryRule } from '../../core/files/create-file.ts'
import type { FileRecord } from '../../core/files/file.ts'
import { faultOf, faultOfLabels, type TextRule, textRules } from '../../core/files/text-rules.ts'
import { SECOND_MS } from '../../core/ports/clock.ts'
import { toldType } from '../../intake/file-type.ts'
import { UNKNOWN_TYPE } from '../../intake/media-types.ts'
import { invalid, isBase64 } from './headers.ts'

const FIELD = 'Upload-Metadata'
/** Far beyond what anybody wants, and within the times that can be printed. */
const MAX_EXPIRES_SECONDS = 100 * 365 * 24 * 60 * 60
const TYPE_RULE = { maxBytes: 255, forbidden: /[^ -~]/ }

/** What `Upload-Metadata` says of a new file. */
export interface FileMetadata {
  readonly name: string
  /** `application/octet-stream` if neither the type nor the name tells it. */
  readonly mimeType: string
  readonly purpose: string | null
  readonly externalId: string | null
  readonly labels: Readonly<Record<string, string>>
  readonly expiry: ExpiryRule
  /** By id or slug; undefined: the default of the key. */
  readonly project: string | undefined
}

/**
 * Reads `Upload-Metadata`: `filename`, `filetype`, `purpose`, `externalId`, `labels` (a JSON object of texts),
 * `expiresInSeconds` and `project`. Others are ignored, since clients send some of their own.
 * @param now in milliseconds since the epoch
 * @throws ServiceError `field-invalid`
 */
export function readMetadata(header: string | undefined, now: number): FileMetadata {
  const values = new Metadata(header)
  const name = values.text('filename', textRules.name) ?? ''
  return {
    name,
    mimeType: toldType(values.text('filetype', TYPE_RULE), name) ?? UNKNOWN_TYPE,
    purpose: values.text('purpose', textRules.purpose) ?? null,
    externalId: values.text('externalId', textRules.externalId) ?? null,
    labels: readLabels(values.value('labels')),
    expiry: readExpiry(values.value('expiresInSeconds'), now),
    project: values.text('project', textRules.name),
  }
}

/** The metadata that the file keeps, as `Upload-Metadata`; undefined if there are none. */
export function printMetadata(file: FileRecord): string | undefined {
  const { name, mimeType, purpose, externalId, labels } = file
  const kept: Readonly<Record<string, string | null>> = {
    filename: name,
    filetype: mimeType === UNKNOWN_TYPE ? null : mimeType,
    purpose,
    externalId,
    labels: Object.keys(labels).length === 0 ? null : JSON.stringify(labels),
  }
  const pairs = Object.entries(kept).flatMap(([key, value]) =>
    value ? [`${key} ${Buffer.from(value).toString('base64')}`] : [],
  )
  return pairs.length === 0 ? undefined : pairs.join(',')
}

/** The pairs of the header. */
class Metadata {
  readonly #values = new Map<string, string>()

  constructor(header = '') {
    if (header.trim() === '') return
    for (const pair of header.split(',')) {
      const [key = '', base64 = '', ...rest] = pair.trim().split(' ')
      if (key === '' || rest.length > 0) throw invalid(FIELD, 'must be pairs of a key, a space and Base64')
      if (this.#values.has(key)) throw invalid(FIELD, `has the key ${shown(key)} twice`)
      if (!isBase64(base64)) throw invalid(FIELD, `has no Base64 behind the key ${shown(key)}`)
      this.#values.set(key, base64)
    }
  }

  /** Absent if it is empty. */
  value(key: string): string | undefined {
    const bytes = Buffer.from(this.#values.get(key) ?? '', 'base64')
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) || undefined
    } catch {
      throw invalidValue(key, 'is not UTF-8')
    }
  }

  text(key: string, rule: TextRule): string | undefined {
    const text = this.value(key)
    const fault = text === undefined ? undefined : faultOf(text, rule)
    if (fault !== undefined) throw invalidValue(key, fault)
    return text
  }
}

function readLabels(json: string | undefined): Readonly<Record<string, string>> {
  if (json === undefined) return {}
  const labels = parsedObject(json)
  const fault = faultOfLabels(labels)
  if (fault !== undefined) throw invalidValue('labels', fault)
  return labels as Record<string, string>
}

function parsedObject(json: string): object {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Told below, like JSON that is no object.
  }
  throw invalidValue('labels', 'must be a JSON object of texts')
}

function readExpiry(text: string | undefined, now: number): ExpiryRule {
  if (text === undefined) return { policy: 'never' }
  const seconds = /^\d{1,10}$/.test(text) ? Number(text) : 0
  if (seconds >= 1 && seconds <= MAX_EXPIRES_SECONDS) return { policy: 'at', at: now + seconds * SECOND_MS }
  throw invalidValue('expiresInSeconds', `must be a number from 1 to ${MAX_EXPIRES_SECONDS}`)
}

/** Without what could not stand in an answer. */
function shown(key: string): string {
  return JSON.stringify(key.slice(0, 40))
}

function invalidValue(key: string, fault: string): ServiceError {
  return new ServiceError('field-invalid', `${FIELD}: ${key} ${fault}.`, { field: FIELD })
}
