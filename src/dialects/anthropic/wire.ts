import type { IncomingHttpHeaders } from 'node:http'
import type { Caller } from '../../core/caller.ts'
import type { FileId } from '../../core/file-id.ts'
import type { FileRecord } from '../../core/files/file.ts'
import { extensionOf } from '../../intake/file-type.ts'
import { fileIds } from './ids.ts'

/** The form of an answer: that of the API as it is, of its beta, or of the beta of managed agents. */
export type Shape = 'general' | 'beta' | 'managed-agents'

const FILES_BETA = 'files-api-2025-04-14'
const MANAGED_AGENTS_BETA = 'managed-agents-2026-04-01'

/** By whole items of a comma-separated list; unknown ones are ignored. */
function shapeOf({ 'anthropic-beta': header }: IncomingHttpHeaders): Shape {
  if (header === undefined) return 'general'
  const betas = String(header)
    .split(',')
    .map((item) => item.trim())
  if (betas.includes(FILES_BETA)) return 'beta'
  return betas.includes(MANAGED_AGENTS_BETA) ? 'managed-agents' : 'general'
}

/** How an answer shows files to the one who asked. */
export interface View {
  readonly shape: Shape
  /** Whether only what the vendor documents is there. */
  readonly isStrict: boolean
}

export function viewOf(headers: IncomingHttpHeaders, { fidelity }: Caller): View {
  return { shape: shapeOf(headers), isStrict: fidelity === 'strict' }
}

export interface FileBody {
  readonly type: 'file'
  readonly id: string
  readonly filename: string
  readonly mime_type: string
  readonly size_bytes: number
  readonly created_at: string
  readonly downloadable: boolean
  /** Absent in the beta. */
  readonly expires_at?: string | null
  /** Of managed agents alone; no file here belongs to a session of theirs. */
  readonly scope?: null
}

export function toFileBody(file: FileRecord, { shape, isStrict }: View): FileBody {
  const { id, mimeType, sizeBytes, createdAt, expiresAt } = file
  return {
    type: 'file',
    id: fileIds.print(id),
    filename: filenameOf(file),
    mime_type: mimeType,
    size_bytes: sizeBytes,
    created_at: toTime(createdAt),
    // The vendor gives out what its tools made, and nothing that was uploaded.
    downloadable: !isStrict,
    ...(shape === 'beta' ? {} : { expires_at: expiresAt === null ? null : toTime(expiresAt) }),
    ...(shape === 'managed-agents' ? { scope: null } : {}),
  }
}

export function toDeletedBody(id: FileId) {
  return { id: fileIds.print(id), type: 'file_deleted' } as const
}

/** The vendor has no file without a name. */
export function filenameOf({ name, mimeType }: Pick<FileRecord, 'name' | 'mimeType'>): string {
  if (name !== '') return name
  const extension = extensionOf({ name: '', mimeType })
  return extension === undefined ? 'unnamed' : `unnamed.${extension}`
}

/** RFC 3339 with microseconds, as the vendor's servers print it. */
function toTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z')
}

/** As SDKs report it; the log has the same digits as a UUID. */
export function toRequestId(id: string): string {
  return `req_${id.replaceAll('-', '')}`
}

/** A project, as the vendor writes the ids of workspaces. */
export function toWorkspaceId(projectId: string): string {
  return WORKSPACE_PREFIX + projectId.replaceAll('-', '')
}

export const WORKSPACE_PREFIX = 'wrkspc_'
