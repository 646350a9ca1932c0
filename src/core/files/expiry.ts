import { DAY_MS } from '../ports/clock.ts'
import type { FileRecord } from './file.ts'

export type ExpiryFields = Pick<FileRecord, 'expiryPolicy' | 'ttlDays' | 'lastActiveAt' | 'expiresAt'>

/** A change of policy, of days, or of both; what is absent stays. */
export interface ExpiryChange {
  readonly policy?: 'since-created' | 'since-last-active'
  readonly ttlDays?: number
  /** For a file without days (it never expired, or at an instant). */
  readonly defaultTtlDays: number
}

/**
 * The four fields after an update. Days count from the last activity, at first the creation, also after the update: a
 * change of policy alone moves nothing.
 */
export function changeExpiry(
  { expiryPolicy, ttlDays: hadDays, lastActiveAt }: ExpiryFields,
  { policy, ttlDays, defaultTtlDays }: ExpiryChange,
): ExpiryFields {
  const days = ttlDays ?? (hadDays || defaultTtlDays)
  return {
    expiryPolicy: policy ?? (expiryPolicy === 'since-last-active' ? expiryPolicy : 'since-created'),
    ttlDays: days,
    lastActiveAt,
    expiresAt: lastActiveAt + days * DAY_MS,
  }
}

/** Moves the end of a sliding file after activity at `now`; leaves every other policy as it is. */
export function touchExpiry(file: ExpiryFields, now: number): ExpiryFields {
  if (file.expiryPolicy !== 'since-last-active') return file
  return { ...file, lastActiveAt: now, expiresAt: now + file.ttlDays * DAY_MS }
}
