import { ServiceError } from '../errors.ts'
import { DAY_MS } from '../ports/clock.ts'
import type { FileRecord } from './file.ts'

export type ExpiryFields = Pick<FileRecord, 'expiryPolicy' | 'ttlDays' | 'lastActiveAt' | 'expiresAt'>

/** An instant, in milliseconds since the epoch, or never. */
export interface ExpiryAt {
  readonly at: number | null
}

/** An instant; or a change of policy, of days, or of both, where what is absent stays. */
export type ExpiryChange = ExpiryAt | ExpiryRuleChange

export interface ExpiryRuleChange {
  readonly policy?: 'since-created' | 'since-last-active'
  readonly ttlDays?: number
  /** For a file without days (it never expired, or at an instant). */
  readonly defaultTtlDays: number
  /** An end that is not after this instant is refused, in milliseconds since the epoch. Absent: such a file ends at once. */
  readonly endsAfter?: number
}

/**
 * The four fields after an update. Days count from the last activity, at first the creation, also after the update: a
 * change of policy alone moves nothing.
 * @throws ServiceError `field-invalid` for an end that the change does not want
 */
export function changeExpiry(fields: ExpiryFields, change: ExpiryChange): ExpiryFields {
  const { expiryPolicy, ttlDays: hadDays, lastActiveAt } = fields
  if ('at' in change) {
    const { at } = change
    return { expiryPolicy: at === null ? 'never' : 'at', ttlDays: 0, lastActiveAt, expiresAt: at }
  }
  const { policy, ttlDays, defaultTtlDays, endsAfter } = change
  const days = ttlDays ?? (hadDays || defaultTtlDays)
  const expiresAt = lastActiveAt + days * DAY_MS
  if (endsAfter !== undefined && expiresAt <= endsAfter) {
    const message = 'By this rule the file would have ended already; days count from its last activity.'
    throw new ServiceError('field-invalid', message, { field: 'expiry' })
  }
  return {
    expiryPolicy: policy ?? (expiryPolicy === 'since-last-active' ? expiryPolicy : 'since-created'),
    ttlDays: days,
    lastActiveAt,
    expiresAt,
  }
}

/** Moves the end of a sliding file after activity at `now`; leaves every other policy as it is. */
export function touchExpiry(file: ExpiryFields, now: number): ExpiryFields {
  if (file.expiryPolicy !== 'since-last-active') return file
  return { ...file, lastActiveAt: now, expiresAt: now + file.ttlDays * DAY_MS }
}
