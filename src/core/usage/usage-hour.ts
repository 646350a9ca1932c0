import { DAY_MS, HOUR_MS } from '../ports/clock.ts'

/** What happened in some time. */
export interface UsageCounts {
  /** Files that came to be, pending uploads included. */
  readonly created: number
  /** Files that ended, in whatever way: deleted, expired, cancelled. */
  readonly deleted: number
  readonly requests: number
  /** Of bodies that came in. */
  readonly bytesIn: number
  /** Of bodies that went out. */
  readonly bytesOut: number
}

/** What is counted on a project, or on all of an organization. */
export interface UsageHolder {
  readonly organizationId: string
  /** Empty: the organization as a whole. */
  readonly projectId: string
}

/** An hour of a project or an organization, as one server has counted it. */
export interface CountedHour extends UsageHolder, UsageCounts {
  /** When it began, in milliseconds since the epoch. */
  readonly hour: number
}

/** An hour as it is kept: what all servers have counted. */
export interface UsageHour extends UsageCounts {
  readonly hour: number
  /** What counted against quotas at its end; null: nobody looked. */
  readonly files: number | null
  readonly bytes: number | null
}

/** For how long hours are kept. */
export const USAGE_KEPT_MS = 90 * DAY_MS

/** Of an organization as a whole. */
export const WHOLE_ORGANIZATION = ''

export function hourOf(at: number): number {
  return at - (at % HOUR_MS)
}
