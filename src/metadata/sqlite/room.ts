import type { Change } from '../../core/ports/changes.ts'

/**
 * What a change may take of a full disk, where the ballast of the database is all that is left:
 * - `frees`: all of it, for it makes room, now or when bytes are collected
 * - `alters`: half of it, since rows may become longer
 * - `grows`: nothing
 */
export type RoomUse = 'frees' | 'alters' | 'grows'

export const roomUses: Readonly<Record<Change['kind'], RoomUse>> = {
  'organization.insert': 'grows',
  'project.insert': 'grows',
  'key.insert': 'alters',
  'key.replace': 'alters',
  'key.revoke': 'frees',
  'key.set-role': 'alters',
  'link-key.insert': 'alters',
  'link.insert': 'grows',
  'link.delete': 'frees',
  'link.purge': 'frees',
  'quota.set': 'alters',
  'usage.add': 'alters',
  'usage-hour.add': 'grows',
  'usage-hours.purge': 'frees',
  'usage-hours.begin': 'grows',
  'session.insert': 'grows',
  'session.touch': 'alters',
  'session.delete': 'frees',
  'session.purge': 'frees',
  'file.insert': 'grows',
  'file.update': 'alters',
  'file.normalize-name': 'alters',
  'name-changes.forget': 'frees',
  'blob.intend': 'grows',
  'blob.claim': 'alters',
  'blob.release': 'frees',
  'blob.collect': 'frees',
  'blob.collect-again': 'frees',
  'blob.forget': 'frees',
  'segment.insert': 'grows',
  'segment.place': 'alters',
  'segment.release': 'frees',
  'segments.release': 'frees',
  'answer.claim': 'alters',
  'answer.renew': 'alters',
  'answer.save': 'alters',
  'answer.drop': 'frees',
  'answer.purge': 'frees',
  'answer.free-abandoned': 'frees',
  'bytes-place.note': 'alters',
  'clock.note': 'alters',
  'emulator.note': 'alters',
  'emulator.reset': 'frees',
  'leases.end': 'frees',
}

/** Of a commit: one change that grows spoils it, and one that frees is what the rest is for. */
export function roomUseOf(uses: readonly RoomUse[]): RoomUse {
  if (uses.includes('grows')) return 'grows'
  return uses.includes('frees') ? 'frees' : 'alters'
}
