import { DAY_MS } from '../clock.ts'
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

/** Moves the instant of a sliding file after activity at `now`; every other policy is left as it is. */
export function touchExpiry(file: ExpiryFields, now: number): ExpiryFields {
  if (file.expiryPolicy !== ('since-last-active' satisfies ExpiryPolicy)) return file
  return { ...file, lastActiveAt: now, expiresAt: now + file.ttlDays * DAY_MS }
}
