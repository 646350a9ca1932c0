import { createHash } from 'node:crypto'
import type { Config } from './config.ts'
import { Secret } from './reader.ts'

/** `own`: each server may have its own value. Else the variable, without `ENTREPOT_`, whose value is the same on all. */
type Sharing<T> = {
  readonly [K in keyof T]-?: NonNullable<T[K]> extends Secret
    ? 'own' | { readonly secret: string }
    : string | (NonNullable<T[K]> extends object ? Sharing<NonNullable<T[K]>> : never)
}

/** Which settings must be the same on all servers of an installation. Whoever adds a setting has to say. */
const sharing: Sharing<Config> = {
  host: 'own',
  port: 'own',
  grpc: 'own',
  tls: 'own',
  dataDir: 'own',
  // Servers that compare their settings have met in one database, under whatever address.
  databaseUrl: 'own',
  publicUrl: 'PUBLIC_URL',
  rootKey: { secret: 'ROOT_KEY' },
  rateLimits: 'RATE_LIMITS',
  keyGuessesPerSecond: 'own',
  connectionsPerSecond: 'own',
  trustedProxies: 'own',
  logLevel: 'own',
  drainSeconds: 'own',
  metrics: 'own',
  touchOn: 'TOUCH_ON',
  collect: {
    downloadSeconds: 'COLLECT_DOWNLOAD_SECONDS',
    leaseSeconds: 'COLLECT_LEASE_SECONDS',
    lateSeconds: 'COLLECT_LATE_SECONDS',
  },
  diskReserveBytes: 'own',
  memoryBytes: 'own',
  spoolBytes: 'own',
  s3: {
    bucket: 'S3_BUCKET',
    endpoint: 'S3_ENDPOINT',
    region: 'S3_REGION',
    prefix: 'S3_PREFIX',
    pathStyle: 'S3_PATH_STYLE',
    credentials: 'own',
    direct: 'DIRECT_TRANSFER',
  },
  lightfield: {
    sessionSeconds: 'LIGHTFIELD_SESSION_SECONDS',
    downloadSeconds: 'LIGHTFIELD_DOWNLOAD_SECONDS',
    requireVersion: 'LIGHTFIELD_REQUIRE_VERSION',
    purposes: 'LIGHTFIELD_PURPOSES',
  },
  llamacloud: {
    maxFileBytes: 'LLAMACLOUD_MAX_FILE_BYTES',
    retentionHours: 'LLAMACLOUD_RETENTION_HOURS',
    urlOnCreate: 'LLAMACLOUD_URL_ON_CREATE',
    prefixIds: 'LLAMACLOUD_ID_PREFIX',
    anyPurpose: 'LLAMACLOUD_ANY_PURPOSE',
    allowEmptyFiles: 'LLAMACLOUD_EMPTY_FILES',
    sessionSeconds: 'LLAMACLOUD_SESSION_SECONDS',
    uploadFromUrl: 'LLAMACLOUD_UPLOAD_FROM_URL',
    uploadFromUrlAllowedHosts: 'LLAMACLOUD_UPLOAD_FROM_URL_ALLOWED_HOSTS',
  },
  yandex: {
    maxFileBytes: 'YANDEX_MAX_FILE_BYTES',
    defaultPolicy: 'YANDEX_DEFAULT_POLICY',
    defaultTtlDays: 'YANDEX_TTL_DAYS',
    maxTtlDays: 'YANDEX_MAX_TTL_DAYS',
    linkSeconds: 'YANDEX_LINK_SECONDS',
    restFieldNames: 'YANDEX_REST_NAMES',
    endpoint: 'YANDEX_ENDPOINT',
    anonymous: 'YANDEX_ANONYMOUS',
  },
}

export interface SharedSetting {
  readonly variable: string
  /** The value in force, of a secret its SHA-256, as JSON: `null` where nothing is set and there is no default. */
  readonly value: string
  readonly isSecret: boolean
}

/** The settings that must be the same on all servers, with the values of this one. */
export function sharedSettings(config: Config): readonly SharedSetting[] {
  return [...collect(sharing, config)]
}

function* collect(declared: object, values: object | undefined): Generator<SharedSetting> {
  for (const [name, declaration] of Object.entries(declared) as [string, string | object][]) {
    const value = (values as Readonly<Record<string, unknown>> | undefined)?.[name]
    if (declaration === 'own') continue
    if (typeof declaration === 'string')
      yield { variable: `ENTREPOT_${declaration}`, value: asJson(value), isSecret: false }
    else if ('secret' in declaration)
      yield { variable: `ENTREPOT_${declaration.secret}`, value: asJson(digestOf(value)), isSecret: true }
    else yield* collect(declaration, value as object | undefined)
  }
}

function asJson(value: unknown): string {
  return JSON.stringify(value ?? null)
}

function digestOf(value: unknown): string | undefined {
  return value instanceof Secret ? createHash('sha256').update(value.reveal()).digest('hex') : undefined
}

/** A setting that some other server has another value of. */
export interface SettingDifference {
  readonly setting: string
  /** Undefined where the value is secret. */
  readonly here: string | undefined
  readonly elsewhere: readonly string[] | undefined
}

/**
 * The settings of `own` of which another server has another value. What another server does not tell, because it is of
 * another release, is no difference.
 * @param others what each of the others tells, by variable
 */
export function differingSettings(
  own: readonly SharedSetting[],
  others: readonly Readonly<Record<string, string>>[],
): readonly SettingDifference[] {
  return own.flatMap(({ variable: setting, value: here, isSecret }) => {
    const told = others.map((settings) => settings[setting]).filter((value) => value !== undefined)
    const elsewhere = [...new Set(told.filter((value) => value !== here))]
    if (elsewhere.length === 0) return []
    return [isSecret ? { setting, here: undefined, elsewhere: undefined } : { setting, here, elsewhere }]
  })
}
