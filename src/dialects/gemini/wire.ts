import type { Caller } from '../../core/caller.ts'
import type { FileRecord } from '../../core/files/file.ts'
import { SECOND_MS } from '../../core/ports/clock.ts'
import { fileIds, PREFIX } from './ids.ts'
import type { GeminiSettings } from './settings.ts'

/** The versions of the API; they differ in their paths alone. */
export const versions = ['v1', 'v1beta'] as const
export type Version = (typeof versions)[number]

export interface FileBody {
  readonly name: string
  readonly displayName?: string
  readonly mimeType: string
  readonly sizeBytes: string
  readonly createTime: string
  readonly updateTime: string
  readonly expirationTime?: string
  readonly sha256Hash?: string
  readonly uri: string
  readonly downloadUri?: string
  readonly state: 'PROCESSING' | 'ACTIVE'
  readonly source: 'UPLOADED'
}

/** What an answer depends on besides the file. */
export interface ShownTo {
  /** Absolute, where the API begins: without the version, and without a slash. */
  readonly baseUrl: string
  readonly version: Version
  readonly fidelity: Caller['fidelity']
  /** As people see it. */
  readonly now: number
}

/** A stored file in proto3's JSON: what is not set is left out. */
export function toFileBody(
  file: FileRecord,
  { baseUrl, version, fidelity, now }: ShownTo,
  { processingSeconds }: Pick<GeminiSettings, 'processingSeconds'>,
): FileBody {
  const { id, alias, name, mimeType, sizeBytes, createdAt, updatedAt, storedAt, expiresAt, sha256 } = file
  const generated = fileIds.print(id)
  // SDKs take the part of a URI before its first dash for the whole name, so an alias would be misread there.
  const uri = `${baseUrl}/${version}/${generated}`
  const readyAt = (storedAt ?? now) + processingSeconds * SECOND_MS
  return {
    name: alias === null ? generated : PREFIX + alias,
    ...(name === '' ? {} : { displayName: name }),
    mimeType,
    sizeBytes: String(sizeBytes),
    createTime: new Date(createdAt).toISOString(),
    updateTime: new Date(updatedAt).toISOString(),
    ...(expiresAt === null ? {} : { expirationTime: new Date(expiresAt).toISOString() }),
    ...(sha256 === null ? {} : { sha256Hash: Buffer.from(sha256, 'hex').toString('base64') }),
    uri,
    ...(fidelity === 'strict' ? {} : { downloadUri: `${uri}:download?alt=media` }),
    state: now < readyAt ? 'PROCESSING' : 'ACTIVE',
    source: 'UPLOADED',
  }
}
