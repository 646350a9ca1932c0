import type { ApiKey, Role } from '../access/keys.ts'
import type { Organization, Project } from '../access/tenants.ts'
import type { FileId } from '../file-id.ts'
import type { FileRecord, FileState } from '../files/file.ts'
import type { FileLink } from '../links/file-links.ts'
import type { LinkKey } from '../links/link-token.ts'
import type { CountedHour } from '../usage/usage-hour.ts'
import type { BlobKey } from './blob-store.ts'
import type { ClockTrust, EmulatedTime } from './clock.ts'
import type { GrantSession, KeySession } from './sessions.ts'

/** The fields of a file that may change after it was inserted. */
export type FilePatch = Partial<Omit<FileRecord, 'id' | 'organizationId' | 'projectId' | 'createdBy'>>

/** What must still be true of a row for a change to apply; null compares as null. */
export type FileGuard = { readonly state: FileState } & Partial<
  Pick<
    FileRecord,
    'blobKey' | 'blobSizeBytes' | 'sha256' | 'sizeBytes' | 'uploadMaxBytes' | 'expiresAt' | 'updatedAt'
  >
>

/** A file named by an older release: only this exact spelling of its name finds it. */
export type NamedFile = Pick<FileRecord, 'id' | 'name'>

/** What counts against quotas: pending and stored files, with their announced sizes. */
export interface Usage {
  readonly files: number
  readonly bytes: number
}

/** A change of usage, counted on a project and on its organization alike. */
export interface UsageOf extends Usage {
  readonly organizationId: string
  readonly projectId: string
}

/** A blob key that may have bytes and that no file points at; its bytes may be removed from `collectAfter` on. */
export interface UnreferencedBlob {
  readonly key: BlobKey
  readonly collectAfter: number
}

/** A blob that nobody writes any more. */
export interface ReleasedBlob extends UnreferencedBlob {
  /** Bytes that were under way when it was given up can still arrive, even after a removal. */
  readonly mayComeLate: boolean
}

/** When the bytes of a released blob may be removed; see `ReleasedBlob`. */
export type ReleaseTerms = Pick<ReleasedBlob, 'collectAfter' | 'mayComeLate'>

/** A part of a file's bytes. */
export interface Segment {
  /** Offset in the file; a negative number names a part that has no place in it yet. */
  readonly start: number
  readonly sizeBytes: number
  /** Of its own bytes, lower-case hex. */
  readonly sha256: string
  /** Null: the database holds the bytes. */
  readonly blobKey: BlobKey | null
}

/** A segment with the bytes that the database is to hold, if it is no blob. */
export interface NewSegment extends Segment {
  readonly bytes: Uint8Array | null
}

/** A stored answer of an idempotent request. */
export interface Answer {
  readonly status: number
  /** The body as sent. */
  readonly body: string
}

/** Where an idempotent answer is kept: one key per organization and operation. */
export interface AnswerSlot {
  readonly organizationId: string
  readonly operation: string
  readonly key: string
}

/**
 * One step of a commit. The list is closed: it is everything that this service ever writes.
 * A step marked "guarded" makes the whole commit fail with `conflict` when it does not hold.
 */
export type Change = Readonly<
  | { kind: 'organization.insert'; organization: Organization }
  | { kind: 'project.insert'; project: Project }
  | { kind: 'key.insert'; key: ApiKey }
  /** Guarded: the key exists and is not revoked. */
  | { kind: 'key.revoke'; id: string; revokedAt: number }
  /** As `key.revoke`, and the secret is free for another key: `findKey` no longer finds this one by it. */
  | { kind: 'key.replace'; id: string; replacedAt: number }
  /** Guarded: the key exists and is not revoked. */
  | { kind: 'key.set-role'; id: string; role: Role }
  | { kind: 'link-key.insert'; linkKey: LinkKey }
  /** Guarded: the file is stored, and fewer than `maxPerFile` links of it are good when this one is made. */
  | { kind: 'link.insert'; link: FileLink; maxPerFile: number }
  /** Guarded: the file has this link. */
  | { kind: 'link.delete'; id: string; fileId: FileId }
  /** Removes links that are over at `now`. */
  | { kind: 'link.purge'; now: number }
  /** Guarded: the holder exists. Null lifts a bound. Current usage may exceed the new bound. */
  | { kind: 'quota.set'; holder: Holder; id: string; quotaFiles: number | null; quotaBytes: number | null }
  /**
   * Counts files and bytes (either may be negative) on a project and its organization.
   * Guarded: whichever of the two numbers grows stays within both quotas.
   */
  | { kind: 'usage.add'; usage: UsageOf }
  /**
   * Adds to the row of an hour. If the hour is ending, or goes on, its row also learns what the holder uses now. Does nothing for a
   * holder that does not exist.
   */
  | { kind: 'usage-hour.add'; counted: CountedHour; isEnding: boolean }
  /** Removes rows of hours before `before`, but for the newest of each holder, which tells what it held then. */
  | { kind: 'usage-hours.purge'; before: number }
  /** Makes a row, with what it uses now, for each organization and project that has none. */
  | { kind: 'usage-hours.begin'; hour: number }
  | { kind: 'session.insert'; session: KeySession | GrantSession }
  /** Notes when it was seen, unless it was seen later. Does nothing if there is none. */
  | { kind: 'session.touch'; hash: string; seenAt: number }
  | { kind: 'session.delete'; hash: string }
  /** Removes sessions that are over at `now`. */
  | { kind: 'session.purge'; now: number }
  | { kind: 'file.insert'; file: FileRecord }
  /** Guarded: the row exists and matches `guard`. */
  | { kind: 'file.update'; id: FileId; guard: FileGuard; patch: FilePatch }
  /** Every spelling of its name finds the file from here on. Does nothing if the file has another name by now. */
  | { kind: 'file.normalize-name'; file: NamedFile }
  /** Up to this one they are in the index of names; see `MetadataStore.indexNames`. */
  | { kind: 'name-changes.forget'; upTo: number }
  /**
   * Before the first byte: lists the key, which is collected after `collectAfter` unless a file claims it. Its bytes may come
   * late. Guarded: the key is new.
   */
  | { kind: 'blob.intend'; blob: UnreferencedBlob; reserved?: UsageOf }
  /**
   * A file now points at the blob; its reservation stays counted.
   * Guarded: the blob is listed and its collection has not begun.
   */
  | { kind: 'blob.claim'; key: BlobKey }
  /**
   * No file points at the blob any more, or its writing failed; does nothing if a file does point at it. Lowers `collectAfter`
   * of a listed blob and keeps its `mayComeLate`. Returns the reservation, once; so do `blob.collect` and `leases.end`.
   */
  | { kind: 'blob.release'; blob: ReleasedBlob }
  /** Adds a segment to the file. Guarded: there is none that begins there. */
  | { kind: 'segment.insert'; fileId: FileId; segment: NewSegment }
  /** Moves a segment to another place of the file. Guarded: it is there, and the place is free. */
  | { kind: 'segment.place'; fileId: FileId; start: number; newStart: number }
  /** Takes a segment out of the file; its blob, if it is one, is released. Guarded: it is there, with these bytes. */
  | {
      kind: 'segment.release'
      fileId: FileId
      segment: Pick<Segment, 'start' | 'sha256'>
      blob: ReleaseTerms
    }
  /** Takes all segments out of the file; their blobs are released. */
  | { kind: 'segments.release'; fileId: FileId; blobs: ReleaseTerms }
  /** From here on the blob can no longer be claimed. Guarded: it is listed, and no file points at it. */
  | { kind: 'blob.collect'; key: BlobKey }
  /** The bytes that had come are gone: late ones are collected after `collectAfter`, for the last time. */
  | { kind: 'blob.collect-again'; key: BlobKey; collectAfter: number }
  /** The bytes are gone. */
  | { kind: 'blob.forget'; key: BlobKey }
  /** Reserves a slot. Guarded: the slot is unknown, or past its lease or `keepUntil` at `now`. */
  | { kind: 'answer.claim'; slot: AnswerSlot; token: string; now: number; leaseUntil: number }
  /** Guarded: the slot is reserved by `token`. */
  | { kind: 'answer.save'; slot: AnswerSlot; token: string; answer: Answer; keepUntil: number }
  /** Reserves the slot until `leaseUntil`, if it is still reserved by `token`. */
  | { kind: 'answer.renew'; slot: AnswerSlot; token: string; leaseUntil: number }
  /** Frees a slot if it is still reserved by `token`. */
  | { kind: 'answer.drop'; slot: AnswerSlot; token: string }
  /** Removes at most `limit` answers and lapsed reservations whose time is over. */
  | { kind: 'answer.purge'; now: number; limit: number }
  /** Frees the slots reserved by nodes that are dead. */
  | { kind: 'answer.free-abandoned' }
  /** Notes where the bytes were looked for first; an earlier note stays. */
  | { kind: 'bytes-place.note'; place: string }
  /** Replaces what `clockTrust` tells. */
  | { kind: 'clock.note'; trust: ClockTrust }
  /** Makes the installation an emulator's, and tells its time. */
  | { kind: 'emulator.note'; time: EmulatedTime }
  /**
   * Removes what was made since the first start: all but the organization and project `default`, the first key, which is valid
   * again, and valid keys of the name `rootKeyName`. Blobs are released, and those that are being written cannot be claimed.
   */
  | { kind: 'emulator.reset'; time: EmulatedTime; rootKeyName: string; now: number }
  /** Ends everything a dead process held: frees reserved slots, makes intended blobs collectable at `now`. */
  | { kind: 'leases.end'; now: number }
>

/** Who has a quota. */
export type Holder = 'organization' | 'project'
