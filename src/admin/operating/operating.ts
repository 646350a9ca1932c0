import type { JobState } from '../../core/upkeep/job-state.ts'
import type { RequestTail } from '../../core/watch/request-tail.ts'

/** What a server tells its operators of itself, and its admins of their requests. Times are milliseconds since the epoch. */
export interface Operating {
  readonly tail: RequestTail
  /** Fires when the server begins to stop. */
  readonly stopping: AbortSignal
  readonly jobs: () => readonly JobState[]
  readonly settings: readonly Setting[]
  readonly health: () => Promise<Health>
}

export interface Setting {
  readonly name: string
  readonly value: string
  readonly from: 'flag' | 'environment' | 'default'
  readonly help: string
  readonly default: string
}

/** The worst of its checks. */
export type HealthState = 'ok' | 'warning' | 'failed'

export interface HealthCheck {
  readonly name: 'database' | 'bytes' | 'disk' | 'clock' | 'certificate' | 'jobs' | 'servers'
  readonly state: HealthState
  /** What it found, and what to do about it, in a sentence or two. */
  readonly detail: string
}

export interface Health {
  /** When it was examined. */
  readonly at: number
  readonly state: HealthState
  readonly checks: readonly HealthCheck[]
  readonly server: {
    readonly version: string
    readonly commit: string | null
    readonly node: string
    readonly startedAt: number
    readonly publicUrl: string
    readonly grpcAddress: string | null
    readonly metricsUrl: string | null
    readonly database: 'sqlite' | 'postgresql'
    readonly bytes: 'disk' | 's3'
    readonly isEmulator: boolean
  }
  /** Of the data folder; null: it cannot be read. */
  readonly disk: {
    readonly freeBytes: number
    readonly sizeBytes: number
    readonly reserveBytes: number
  } | null
  /** Those that share the database; empty with SQLite, and while the database is away. */
  readonly nodes: readonly {
    readonly id: number
    readonly seenAt: number
    readonly version: string | null
    readonly isThis: boolean
    readonly leads: boolean
  }[]
}
