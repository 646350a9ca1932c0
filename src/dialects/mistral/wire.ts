import type { FileRecord } from '../../core/files/file.ts'
import { SECOND_MS } from '../../core/ports/clock.ts'
import { shownName } from '../../intake/file-type.ts'
import { fileIds } from './ids.ts'
import { isJsonLines, sampleTypeOf, shownPurpose } from './purposes.ts'
import { SOURCE, type visibilities } from './requests.ts'

export interface FileBody {
  readonly id: string
  readonly object: 'file'
  readonly bytes: number
  readonly created_at: number
  readonly filename: string
  readonly purpose: string
  readonly sample_type: string
  readonly num_lines: number | null
  readonly mimetype: string
  readonly source: typeof SOURCE
  readonly signature: string | null
  readonly expires_at: number | null
  readonly visibility: (typeof visibilities)[number]
}

/** The SDKs refuse null for all but `num_lines`, `signature` and `expires_at`. */
export function toFileBody(file: FileRecord): FileBody {
  const purpose = shownPurpose(file)
  return {
    id: fileIds.print(file.id),
    object: 'file',
    bytes: file.sizeBytes,
    created_at: printSeconds(file.createdAt),
    filename: shownName(file),
    purpose,
    sample_type: sampleTypeOf(purpose),
    // Null: the file came through an API that counts no lines.
    num_lines: isJsonLines(file) ? file.lineCount : 0,
    mimetype: file.mimeType,
    source: SOURCE,
    signature: file.md5,
    expires_at: file.expiresAt === null ? null : printSeconds(file.expiresAt),
    visibility: file.visibility === 'subject' ? 'user' : 'workspace',
  }
}

function printSeconds(ms: number): number {
  return Math.floor(ms / SECOND_MS)
}
