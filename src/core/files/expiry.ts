import { DAY_MS } from '../ports/clock.ts'
import type { FileRecord } from './file.ts'

/** What a caller or a dialect's default asks for. `at` is in milliseconds since the epoch. */
export type ExpiryRule =
  | { readonly policy: 'never' }
  | { readonly policy: 'at'; readonly at: number }
  | { readonly policy: 'since-created' | 'since-last-active'; readonly ttlDays: number }

export type ExpiryFields = Pick<FileRecord, 'expiryPolicy' | 'ttlDays' | 'lastActiveAt' | 'expiresAt'>

/** The four stored fields of a rule for a file created (and last active) at `createdAt`. */
export function startExpiry(rule: ExpiryRule, createdAt: number): ExpiryFields {
  const { policy } = rule
  const ttlDays = 'ttlDays' in rule ? rule.ttlDays : 0
  const end = policy === 'at' ? rule.at : createdAt + ttlDays * DAY_MS
  return {
    expiryPolicy: policy,
    ttlDays,
    lastActiveAt: createdAt,
    expiresAt: policy === 'never' ? null : end,
  }
}

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
