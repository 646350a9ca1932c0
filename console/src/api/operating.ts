/*
 * What `/admin/v1` tells of usage, jobs, settings, health and requests, as docs/admin-api.md has it.
 */

/** A step of time. Null: nobody counted yet. */
export interface UsagePoint {
  readonly at: string
  readonly files: number | null
  readonly bytes: number | null
  readonly created: number | null
  readonly deleted: number | null
  readonly requests: number | null
  readonly bytesIn: number | null
  readonly bytesOut: number | null
}

export interface JobBody {
  readonly name: string
  readonly everyMs: number
  readonly runsOn: 'each-server' | 'one-server'
  readonly runsHere: boolean
  readonly isRunning: boolean
  readonly startedAt: string | null
  readonly endedAt: string | null
  readonly outcome: 'ok' | 'failed' | null
  readonly done: number | null
  readonly error: string | null
  readonly runs: number
  readonly failures: number
}

export interface JobsBody {
  /** The time of the server. */
  readonly at: string
  readonly jobs: readonly JobBody[]
}

export interface SettingBody {
  readonly name: string
  readonly value: string
  readonly from: 'flag' | 'environment' | 'default'
  readonly help: string
  readonly default: string
}

export type HealthState = 'ok' | 'warning' | 'failed'

export interface HealthBody {
  /** The time of the server, by which others are told from now. */
  readonly at: string
  readonly state: HealthState
  readonly checks: readonly { readonly name: string; readonly state: HealthState; readonly detail: string }[]
  readonly server: {
    readonly version: string
    readonly commit: string | null
    readonly node: string
    readonly startedAt: string
    readonly publicUrl: string
    readonly grpcAddress: string | null
    readonly metricsUrl: string | null
    readonly database: 'sqlite' | 'postgresql'
    readonly bytes: 'disk' | 's3'
    readonly isEmulator: boolean
  }
  readonly disk: {
    readonly freeBytes: number
    readonly sizeBytes: number
    readonly reserveBytes: number
  } | null
  readonly nodes: readonly NodeBody[]
}

export interface NodeBody {
  readonly id: number
  readonly seenAt: string
  readonly version: string | null
  readonly isThis: boolean
  readonly leads: boolean
}

/** A request or a call that is over. */
export interface RequestBody {
  readonly at: string
  readonly requestId: string
  readonly method: string
  readonly route: string
  readonly dialect: string | null
  /** Of a call, the name of its code. Null: the client left before an answer. */
  readonly status: number | string | null
  readonly code: string | null
  readonly isComplete: boolean
  readonly durationMs: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly fileId: string | null
  readonly keyId: string | null
  readonly organizationId: string | null
}
