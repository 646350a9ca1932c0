import { DAY_MS } from '../ports/clock.ts'
import type { ExpiryPolicy, FileRecord } from './file.ts'

/** What a caller or a dialect's default asks for. `at` is milliseconds since the epoch. */
export type ExpiryRule =
  | { readonly policy: 'never' }
  | { readonly policy: 'at'; readonly at: number }
  | { readonly policy: 'since-created' | 'since-last-active'; readonly ttlDays: number }

export type ExpiryFields = Pick<FileRecord, 'expiryPolicy' | 'ttlDays' | 'lastActiveAt' | 'expiresAt'>

/** The four stored fields of a rule for a file created (and last active) at `createdAt`. */
export function startExpiry(rule: ExpiryRule, createdAt: number): ExpiryFields {
  return {
    expiryPolicy: rule.policy,
    ttlDays: 'ttlDays' in rule ? rule.ttlDays : 0,
    lastActiveAt: createdAt,
    expiresAt: expiryInstant(rule, createdAt),
  }
}

function expiryInstant(rule: ExpiryRule, base: number): number | null {
  switch (rule.policy) {
    case 'never':
      return null
    case 'at':
      return rule.at
    default:
      return base + rule.ttlDays * DAY_MS
  }
}

/** A change of policy, of days, or of both. What is absent stays; a file that had no days gets `ttlDays` of its own. */
export interface ExpiryChange {
  readonly policy?: 'since-created' | 'since-last-active'
  readonly ttlDays?: number
  /** For a file that has none yet (it never expired, or at an instant). */
  readonly defaultTtlDays: number
}

/**
 * The four fields after an update. The base of the days (last activity, at first the creation) is kept, so that a change of
 * policy moves nothing and a change of days counts from where it did.
 */
export function changeExpiry(
  file: ExpiryFields,
  { policy, ttlDays, defaultTtlDays }: ExpiryChange,
): ExpiryFields {
  const had = file.expiryPolicy === 'never' || file.expiryPolicy === 'at' ? undefined : file.expiryPolicy
  const days = ttlDays ?? (file.ttlDays || defaultTtlDays)
  const { lastActiveAt } = file
  return {
    expiryPolicy: policy ?? had ?? 'since-created',
    ttlDays: days,
    lastActiveAt,
    expiresAt: lastActiveAt + days * DAY_MS,
  }
}

/** Moves the instant of a sliding file after activity at `now`; every other policy is left as it is. */
export function touchExpiry(file: ExpiryFields, now: number): ExpiryFields {
  if (file.expiryPolicy !== ('since-last-active' satisfies ExpiryPolicy)) return file
  return { ...file, lastActiveAt: now, expiresAt: now + file.ttlDays * DAY_MS }
}
