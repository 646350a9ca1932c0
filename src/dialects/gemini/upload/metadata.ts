import { isUtf8 } from 'node:buffer'
import type { IncomingHttpHeaders } from 'node:http'
import type { CreateFile, ExpiryRule } from '../../../core/files/create-file.ts'
import { checkName } from '../../../core/files/text-rules.ts'
import { HOUR_MS } from '../../../core/ports/clock.ts'
import type { Services } from '../../../core/services.ts'
import { baseName } from '../../../http/form-upload.ts'
import { toldType } from '../../../intake/file-type.ts'
import { invalidArgument, ProtoObject } from '../fields.ts'
import { aliasOf } from '../names.ts'
import type { GeminiSettings } from '../settings.ts'
import { bytesIn } from './commands.ts'

const MAX_DISPLAY_NAME_CHARACTERS = 512

/** A file as its client tells of it. */
export interface FileMetadata {
  /** Empty: it has none. */
  readonly name: string
  readonly alias: string | null
  /** Undefined: the content has to show it. */
  readonly mimeType: string | undefined
  /** Undefined: it is not told. */
  readonly sizeBytes: number | undefined
}

/**
 * What the JSON of an upload tells, and where it does not, the headers.
 * @throws ServiceError `field-invalid`
 */
export function readMetadata(services: Services, headers: IncomingHttpHeaders, body: unknown): FileMetadata {
  const file = ProtoObject.of(body).object('file')
  const displayName = file.text('displayName')
  checkName('file.displayName', displayName ?? '')
  if (displayName !== undefined && [...displayName].length > MAX_DISPLAY_NAME_CHARACTERS)
    throw invalidArgument(
      'file.displayName',
      `Invalid value at 'file.displayName': must have at most ${MAX_DISPLAY_NAME_CHARACTERS} characters`,
    )
  const alias = file.text('name')
  const sizeBytes = file.integer('sizeBytes')
  const name = displayName ?? fileNameIn(headers)
  const type = headers['x-goog-upload-header-content-type']?.toString()
  return {
    name,
    alias: alias === undefined ? null : aliasOf(services, alias),
    mimeType: toldType(file.text('mimeType'), '') ?? toldType(type, name),
    sizeBytes: bytesIn(headers, 'X-Goog-Upload-Header-Content-Length') ?? sizeBytes,
  }
}

/** Latin-1 by the protocol; curl sends the UTF-8 of its terminal. Node reads one character a byte. */
function fileNameIn(headers: IncomingHttpHeaders): string {
  const bytes = Buffer.from(headers['x-goog-upload-file-name']?.toString() ?? '', 'latin1')
  return baseName(isUtf8(bytes) ? bytes.toString('utf8') : bytes.toString('latin1'))
}

/** The fields of a new file that no client of this vendor can choose. */
export function fixedFields(
  { clock }: Services,
  { retentionHours }: GeminiSettings,
): Pick<CreateFile, 'purpose' | 'externalId'> & { readonly expiry: ExpiryRule } {
  const expiry: ExpiryRule =
    retentionHours === null
      ? { policy: 'never' }
      : { policy: 'at', at: clock.now() + retentionHours * HOUR_MS }
  return { purpose: null, externalId: null, expiry }
}
