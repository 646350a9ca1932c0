import type { Generated } from 'kysely'
import type { ApiKey } from '../../core/access/keys.ts'
import type { Organization, Project } from '../../core/access/tenants.ts'
import type { FileId } from '../../core/file-id.ts'
import type { FileRecord, FileState } from '../../core/files/file.ts'
import type { FileLink } from '../../core/links/file-links.ts'
import type { LinkKey } from '../../core/links/link-token.ts'
import type { AnswerSlot, NewSegment, ReleasedBlob } from '../../core/ports/changes.ts'
import type { MoveStage } from '../../core/ports/move.ts'
import type { GrantSession, KeySession } from '../../core/ports/sessions.ts'
import type { UsageHolder, UsageHour } from '../../core/usage/usage-hour.ts'
import type { Normalized } from './normal-name.ts'

/** What a column can hold on both engines: booleans are 0 or 1, times are integers, what is nested is JSON; and bytes. */
export type SqlValue = string | number | null | Uint8Array

/** A record as columns hold it. */
export type Stored<R> = {
  [K in keyof R]: R[K] extends boolean ? number : R[K] extends SqlValue ? R[K] : string
}

/** Reserved while `status` is null; free from `freeAt` on, which is the end of the lease or of `keepUntil`. */
export interface AnswerRow extends AnswerSlot {
  readonly token: string
  readonly freeAt: number
  readonly status: number | null
  readonly body: string | null
  /** Who reserved it, where several processes share the database; null: nobody says. */
  readonly node: number | null
}

/** `intended` until its writer has claimed or released it; `collecting` once it can no longer be claimed. */
export interface UnreferencedBlobRow extends ReleasedBlob {
  readonly intended: boolean
  readonly collecting: boolean
  /** Who intended it, where several processes share the database; null: nobody says. */
  readonly node: number | null
  /** What the counters of these two hold for the blob; all four are null once it is given back, or if there is none. */
  readonly reservedOrganizationId: string | null
  readonly reservedProjectId: string | null
  readonly reservedFiles: number | null
  readonly reservedBytes: number | null
}

/** Has a blob or bytes. */
export interface SegmentRow extends NewSegment {
  readonly fileId: FileId
}

/** `normalName` is null also where a server of an older release wrote the name and no job has filled it in yet. */
export type FileRow = Normalized<Stored<FileRecord>>

/** The counters of an organization or project: its pending and stored files and what is reserved. */
interface Counters {
  usedFiles: Generated<number>
  usedBytes: Generated<number>
}

/** The stripes of a project and state add up to its number of files; one alone may be negative. Triggers write them. */
interface FileCountRow {
  readonly projectId: string
  readonly state: FileState
  readonly stripe: number
  readonly files: number
}

/** What happened in an hour, of a project or, where that is empty, of all of an organization. */
type UsageHourRow = UsageHolder & UsageHour

/** A file that got another name or ended, by the number of its row; on SQLite alone. Triggers write it. */
interface NameChangeRow {
  readonly place: number
  readonly file: number
}

/** A process that uses the database, and when it was seen last; who has no row is no more. */
interface NodeRow {
  readonly id: number
  readonly seenAt: number
  /** JSON of its `NodeProfile`; null: it is of a release that tells none. */
  readonly profile: string | null
}

/** The name of a table or column as the database spells it: snake_case. */
export function inSql(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** Every table, in the spelling of the code; the query builder turns the names into snake_case. */
export interface Tables {
  schemaVersion: { version: number }
  installation: {
    storeId: string
    moveStage: MoveStage | null
    movePlace: string | null
    bytesPlace: string | null
    clockWaitMs: Generated<number>
    clockTrustedTo: Generated<number>
    emulatorOffsetMs: Generated<number | null>
    emulatorFrozenAt: Generated<number | null>
  }
  organizations: Stored<Organization> & Counters
  projects: Stored<Project> & Counters
  apiKeys: Stored<ApiKey>
  linkKeys: Stored<LinkKey>
  sessions: Stored<KeySession>
  grantSessions: Stored<GrantSession>
  files: FileRow
  fileLinks: Stored<FileLink>
  fileCounts: FileCountRow
  nameChanges: NameChangeRow
  usageHours: Stored<UsageHourRow>
  segments: Stored<SegmentRow>
  unreferencedBlobs: Stored<UnreferencedBlobRow>
  answers: Stored<AnswerRow>
  nodes: NodeRow
}
