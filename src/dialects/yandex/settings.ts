/** What the vendor names STATIC and SINCE_LAST_ACTIVE, in the core's words. */
export type TtlPolicy = 'since-created' | 'since-last-active'

export interface YandexSettings {
  readonly maxFileBytes: number
  /** Of files created without an expiration of their own; `never` is for operators who do not want files to end. */
  readonly defaultPolicy: TtlPolicy | 'never'
  /** Stands in for days that a caller leaves out. */
  readonly defaultTtlDays: number
  readonly maxTtlDays: number
  /** How long the URL of GetUrl works. */
  readonly linkSeconds: number
  /** Names of fields in REST answers: those of the published reference, or those that the live host prints. */
  readonly restFieldNames: 'camel' | 'snake'
  /** `host:port` that discovery tells; undefined: the address that the caller used. */
  readonly endpoint: string | undefined
  /** Who comes without credentials, from this very machine, acts for the project `default`. */
  readonly anonymous: boolean
  /** The port of gRPC, known once it listens; for discovery over REST. */
  readonly grpcPort?: () => number | undefined
}

const MIB = 1024 * 1024

/** The vendor's own values where it publishes or shows them; README.md tells which. */
export const defaultSettings: YandexSettings = {
  maxFileBytes: 128 * MIB,
  defaultPolicy: 'since-last-active',
  defaultTtlDays: 7,
  maxTtlDays: 365,
  linkSeconds: 3600,
  restFieldNames: 'camel',
  endpoint: undefined,
  anonymous: false,
}
