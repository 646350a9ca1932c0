import type { BlockList } from 'node:net'
import { resolve } from 'node:path'
import { isLoopback, parseHosts } from './networks.ts'
import type { PurposeOverride } from './purposes.ts'
import {
  type Environment,
  type RateLimitSettings,
  Reader,
  type S3Settings,
  type Secret,
  type TlsSettings,
} from './reader.ts'

/** Everything that can be set, read once. */
export interface Config {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Undefined: off. If the operator asked for the port, not getting it is an error. */
  readonly grpc: { readonly port: number | undefined; readonly required: boolean }
  /** For both ports; undefined: plaintext. */
  readonly tls: TlsSettings | undefined
  /** Absolute. */
  readonly dataDir: string
  /** Of PostgreSQL; undefined: SQLite in the data folder. */
  readonly databaseUrl: Secret | undefined
  /** Without a trailing slash; undefined: the address listened on. */
  readonly publicUrl: string | undefined
  readonly rootKey: Secret | undefined
  readonly rateLimits: RateLimitSettings
  /** Wrong credentials that this server answers as such; undefined: any number. */
  readonly keyGuessesPerSecond: number | undefined
  /** New connections of one address, on HTTP and gRPC together; undefined: any number. */
  readonly connectionsPerSecond: number | undefined
  /** Whose connections are not counted. */
  readonly trustedProxies: BlockList
  readonly logLevel: string
  /** How long a server that was told to stop goes on serving, so that balancers notice. */
  readonly drainSeconds: number
  readonly metrics: {
    readonly host: string
    /** Undefined: off. */
    readonly port: number | undefined
    /** The operator asked for it, so not getting the port is an error. */
    readonly required: boolean
  }
  /** What moves the end of files that live since their last activity. */
  readonly touchOn: 'none' | 'download' | 'read'
  /** How long the collector waits before it removes bytes that belong to no file any more, or not yet. */
  readonly collect: {
    /** Since their file ended. */
    readonly downloadSeconds: number
    /** Since they began to be written. */
    readonly leaseSeconds: number
    /** On S3, since an upload failed; and once more as long. */
    readonly lateSeconds: number
  }
  /** Bytes of disk that uploads leave free; undefined: 5 % of the disk, at most 1 GiB. */
  readonly diskReserveBytes: number | undefined
  /** What requests may hold in memory, all together. */
  readonly memoryBytes: number
  /** Bytes of disk on which uploads to a bucket wait, all together. */
  readonly spoolBytes: number
  /** Where the bytes are kept; undefined: in the data folder. */
  readonly s3: S3Settings | undefined
  readonly lightfield: {
    readonly sessionSeconds: number
    readonly downloadSeconds: number
    readonly requireVersion: boolean
    readonly purposes: Readonly<Record<string, PurposeOverride>>
  }
  readonly llamacloud: {
    readonly maxFileBytes: number
    /** By purpose, null for no end; `never` for all of them. What is left out keeps its default. */
    readonly retentionHours: Readonly<Record<string, number | null>> | 'never'
    readonly urlOnCreate: boolean
    readonly prefixIds: boolean
    readonly anyPurpose: boolean
    readonly allowEmptyFiles: boolean
    readonly sessionSeconds: number
    readonly uploadFromUrl: boolean
    readonly uploadFromUrlAllowedHosts: readonly string[]
  }
  readonly yandex: {
    readonly maxFileBytes: number
    readonly defaultPolicy: 'since-created' | 'since-last-active' | 'never'
    readonly defaultTtlDays: number
    readonly maxTtlDays: number
    readonly linkSeconds: number
    readonly restFieldNames: 'camel' | 'snake'
    readonly endpoint: string | undefined
    /** Who comes without credentials, from this very machine, acts for the project `default`. */
    readonly anonymous: boolean
  }
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']
const GRPC_PORT = 8421
const METRICS_PORT = 8422
/** A download may wait 20 s for the database before it opens its bytes, and some more for a bucket. */
const MIN_DOWNLOAD_SECONDS = 60
/** A request may take an hour (`requestMs`), and its commit comes after its bytes. */
const MIN_LEASE_SECONDS = 2 * 60 * 60
/** S3 refuses a request whose signature is older than 15 minutes (`RequestTimeTooSkewed`), however long the network held it back. */
const MIN_LATE_SECONDS = 15 * 60
const MAX_COLLECT_SECONDS = 7 * 24 * 60 * 60
/** Leaves 5 of the 25 seconds of a stop for requests that are in flight at its end. */
const MAX_DRAIN_SECONDS = 20
const MIB = 1024 * 1024
const MEMORY_BYTES = 384 * MIB
/** Whoever is alone can still hold a part of 16 MiB, and another that fills. */
const MIN_MEMORY_BYTES = 16 * MIB
/** Some eight hundred parts of one organization, half full. */
const SPOOL_BYTES = 8 * 1024 * MIB
/** What is kept free of it for other organizations is more than a part. */
const MIN_SPOOL_BYTES = 256 * MIB
/** What the vendor documents as 512 MB. */
const MAX_FILE_BYTES = 512 * 1024 * 1024
/** What the vendor documents as 128 MB. */
const MAX_YANDEX_FILE_BYTES = 128 * 1024 * 1024
/** Longer links make no sense, and S3 has the same bound. */
const MAX_LINK_SECONDS = 7 * 24 * 60 * 60

/**
 * The environment as a frozen configuration. An empty variable counts as unset.
 * @throws ConfigError naming every problem at once, unknown `ENTREPOT_` variables included
 */
export function loadConfig(env: Environment): Config {
  const reader = new Reader(env)
  const config = readAll(reader)
  reader.finish()
  return deepFreeze(config)
}

/** The defaults that are fixed, by variable without `ENTREPOT_`, as an operator would write them. */
export function fixedDefaults(): ReadonlyMap<string, string> {
  const reader = new Reader({})
  readAll(reader)
  return reader.defaults
}

function readAll(reader: Reader): Config {
  const config: Config = {
    host: reader.text('HOST', '127.0.0.1'),
    port: reader.integer('PORT', 8420, 0, 65_535),
    grpc: reader.optionalPort('GRPC_PORT', GRPC_PORT),
    tls: reader.tls(),
    dataDir: resolve(reader.text('DATA_DIR', './data')),
    databaseUrl: reader.databaseUrl('DATABASE_URL'),
    publicUrl: reader.url('PUBLIC_URL'),
    rootKey: reader.secret('ROOT_KEY', 16),
    rateLimits: reader.rateLimits(),
    keyGuessesPerSecond: reader.perSecond('KEY_GUESSES_PER_SECOND', 100),
    connectionsPerSecond: reader.perSecond('CONNECTIONS_PER_SECOND', 200),
    trustedProxies: reader.networks('TRUSTED_PROXIES'),
    logLevel: reader.oneOf('LOG_LEVEL', logLevels, 'info'),
    drainSeconds: reader.integer('DRAIN_SECONDS', 0, 0, MAX_DRAIN_SECONDS),
    metrics: {
      host: reader.text('METRICS_HOST', '127.0.0.1'),
      ...reader.optionalPort('METRICS_PORT', METRICS_PORT),
    },
    touchOn: reader.oneOf('TOUCH_ON', ['none', 'download', 'read'], 'none'),
    collect: {
      downloadSeconds: reader.integer(
        'COLLECT_DOWNLOAD_SECONDS',
        600,
        MIN_DOWNLOAD_SECONDS,
        MAX_COLLECT_SECONDS,
      ),
      leaseSeconds: reader.integer(
        'COLLECT_LEASE_SECONDS',
        24 * 60 * 60,
        MIN_LEASE_SECONDS,
        MAX_COLLECT_SECONDS,
      ),
      lateSeconds: reader.integer('COLLECT_LATE_SECONDS', 60 * 60, MIN_LATE_SECONDS, MAX_COLLECT_SECONDS),
    },
    diskReserveBytes: reader.optionalInteger('DISK_RESERVE_BYTES', 0, Number.MAX_SAFE_INTEGER),
    memoryBytes: reader.integer('MEMORY_BYTES', MEMORY_BYTES, MIN_MEMORY_BYTES, Number.MAX_SAFE_INTEGER),
    spoolBytes: reader.integer('SPOOL_BYTES', SPOOL_BYTES, MIN_SPOOL_BYTES, Number.MAX_SAFE_INTEGER),
    s3: reader.s3(),
    lightfield: {
      sessionSeconds: reader.integer('LIGHTFIELD_SESSION_SECONDS', 3600, 1, MAX_LINK_SECONDS),
      downloadSeconds: reader.integer('LIGHTFIELD_DOWNLOAD_SECONDS', 900, 1, MAX_LINK_SECONDS),
      requireVersion: reader.onOff('LIGHTFIELD_REQUIRE_VERSION', true),
      purposes: reader.purposes('LIGHTFIELD_PURPOSES'),
    },
    llamacloud: {
      maxFileBytes: reader.integer('LLAMACLOUD_MAX_FILE_BYTES', MAX_FILE_BYTES, 1, Number.MAX_SAFE_INTEGER),
      retentionHours: reader.hoursByName('LLAMACLOUD_RETENTION_HOURS'),
      urlOnCreate: reader.onOff('LLAMACLOUD_URL_ON_CREATE', true),
      prefixIds: reader.onOff('LLAMACLOUD_ID_PREFIX', true),
      anyPurpose: reader.onOff('LLAMACLOUD_ANY_PURPOSE', false),
      allowEmptyFiles: reader.onOff('LLAMACLOUD_EMPTY_FILES', false),
      sessionSeconds: reader.integer('LLAMACLOUD_SESSION_SECONDS', 12 * 60 * 60, 60, MAX_LINK_SECONDS),
      uploadFromUrl: reader.onOff('LLAMACLOUD_UPLOAD_FROM_URL', false),
      uploadFromUrlAllowedHosts: allowedHosts(
        reader,
        reader.optionalText('LLAMACLOUD_UPLOAD_FROM_URL_ALLOWED_HOSTS'),
      ),
    },
    yandex: {
      maxFileBytes: reader.integer('YANDEX_MAX_FILE_BYTES', MAX_YANDEX_FILE_BYTES, 1, MAX_FILE_BYTES),
      defaultPolicy: reader.oneOf(
        'YANDEX_DEFAULT_POLICY',
        ['since-last-active', 'since-created', 'never'],
        'since-last-active',
      ),
      defaultTtlDays: reader.integer('YANDEX_TTL_DAYS', 7, 1, 36_500),
      maxTtlDays: reader.integer('YANDEX_MAX_TTL_DAYS', 365, 1, 36_500),
      linkSeconds: reader.integer('YANDEX_LINK_SECONDS', 3600, 1, MAX_LINK_SECONDS),
      restFieldNames: reader.oneOf('YANDEX_REST_NAMES', ['camel', 'snake'], 'camel'),
      endpoint: reader.optionalText('YANDEX_ENDPOINT'),
      anonymous: reader.onOff('YANDEX_ANONYMOUS', false),
    },
  }
  if (config.yandex.anonymous && !isLocal(config))
    reader.refuse(
      'YANDEX_ANONYMOUS',
      'needs ENTREPOT_HOST, and ENTREPOT_PUBLIC_URL if set, to be this machine (127.0.0.1).',
    )
  return config
}

/** Nobody but this machine is meant to come. */
function isLocal({ host, publicUrl }: Config): boolean {
  return isLoopback(host) && (publicUrl === undefined || isLoopback(new URL(publicUrl).hostname))
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const part of Object.values(value)) deepFreeze(part)
  return Object.freeze(value)
}

/** Nobody by default. */
function allowedHosts(reader: Reader, text: string | undefined): readonly string[] {
  try {
    return text === undefined ? [] : parseHosts(text)
  } catch (error) {
    const sentence = `must be like "files.example.com, 10.0.0.5:9000", not ${(error as Error).message}.`
    reader.refuse('LLAMACLOUD_UPLOAD_FROM_URL_ALLOWED_HOSTS', sentence)
    return []
  }
}
