import { resolve } from 'node:path'
import { networks } from './networks.ts'
import { oidc } from './oidc.ts'
import { integer, integerOrOff, oneOf, onOff, optionalPort, size, text, url } from './parsers.ts'
import { s3 } from './s3.ts'
import { Secret } from './secret.ts'
import { group, type Parser, setting, type ValuesOf, WrongValue } from './setting.ts'
import { tls } from './tls.ts'
import { tracing } from './tracing.ts'

const MIB = 1024 * 1024
const LIMIT_PER_SECOND = 25
const MAX_PER_SECOND = 9_999_999
/** A download may wait 20 s for the database before it opens its bytes, and some more for a bucket. */
const MIN_DOWNLOAD_SECONDS = 60
/** A request may take an hour (`requestMs`), and its commit comes after its bytes. */
const MIN_LEASE_SECONDS = 2 * 60 * 60
/** S3 refuses a request whose signature is older than 15 minutes (`RequestTimeTooSkewed`), however long the network held it back. */
const MIN_LATE_SECONDS = 15 * 60
const MAX_COLLECT_SECONDS = 7 * 24 * 60 * 60
/** Leaves 5 of the 25 seconds of a stop for requests that are in flight at its end. */
const MAX_DRAIN_SECONDS = 20
/** Whoever is alone can still hold a part of 16 MiB, and another that fills. */
const MIN_MEMORY_BYTES = 16 * MIB
/** Some eight hundred parts of one organization, half full. */
const SPOOL_BYTES = 8 * 1024 * MIB
/** More than a part is kept free of it for other organizations. */
const MIN_SPOOL_BYTES = 256 * MIB
/** The largest object that S3 keeps. */
const MAX_TUS_BYTES = 5 * 1024 * 1024 * MIB
const MIN_ROOT_KEY_CHARACTERS = 16
const MAX_SESSION_SECONDS = 7 * 24 * 60 * 60

/** Of PostgreSQL. A wrong value is not repeated: it may hold a password. */
const databaseUrl: Parser<Secret> = (given) => {
  const { protocol, hostname, pathname } = URL.parse(given) ?? {}
  if (/^postgres(ql)?:$/.test(protocol ?? '') && hostname && pathname && pathname !== '/')
    return new Secret(given)
  throw new WrongValue('must be like postgres://user:password@host:5432/database.')
}

/** Sent in a header, which holds no other characters. */
const rootKey: Parser<Secret> = (given) => {
  if (given.length >= MIN_ROOT_KEY_CHARACTERS && given.trim() === given && /^[ -~]*$/.test(given))
    return new Secret(given)
  throw new WrongValue(
    `must be ${MIN_ROOT_KEY_CHARACTERS} or more printable ASCII characters, no space around them.`,
  )
}

/** Requests per second of each class; undefined: no limit. */
type RateLimitSettings = Readonly<Record<'write' | 'read' | 'search', number | undefined>>

/** One word or number for all classes, or `write=…,read=…,search=…`; a class left out keeps the default. */
const rateLimits: Parser<RateLimitSettings> = (given) => {
  const all = (limit: number | undefined) => ({ write: limit, read: limit, search: limit })
  if (given === 'off') return all(undefined)
  if (given === 'on') return all(LIMIT_PER_SECOND)
  if (/^[1-9]\d{0,6}$/.test(given)) return all(Number(given))
  const limits = all(LIMIT_PER_SECOND)
  for (const part of given.split(',')) {
    const [, name, number] = /^(write|read|search)=([1-9]\d{0,6})$/.exec(part.trim()) ?? []
    if (name === undefined)
      throw new WrongValue(`must be on, off, a number, or like "write=25,read=50,search=10", not "${given}".`)
    limits[name as keyof typeof limits] = Number(number)
  }
  return limits
}

const proxyPrefix: Parser<string> = (given) => {
  if (/^\/(?:[\w.~-]+\/)+$/.test(given)) return given
  throw new WrongValue('must be a path that begins and ends with a slash, like /entrepot-blobs/.')
}

/** Larger bodies are hashed by another thread, and would not be whole in memory. */
const MAX_INLINE_BYTES = 65_536

/** The settings that are no dialect's, in the order of `serve --help` and README.md. */
export const serverSettings = {
  host: setting('HOST <address>', text, {
    fallback: '127.0.0.1',
    own: true,
    help: 'address to listen on',
    more: '`0.0.0.0` is all of IPv4. Other machines can use links only if `ENTREPOT_PUBLIC_URL` is set, too.',
  }),
  port: setting('PORT <number>', integer(0, 65_535), {
    fallback: '8420',
    own: true,
    help: 'port to listen on, 0 for any free one',
  }),
  dataDir: setting('DATA_DIR <folder>', (given) => resolve(given), {
    fallback: './data',
    own: true,
    help: 'folder of the database and, without a bucket, the bytes',
    more: 'It must be on a local disk.',
  }),
  databaseUrl: setting('DATABASE_URL <url>', databaseUrl, {
    otherwise: 'SQLite in the data folder',
    // Servers that compare their settings have met in one database, under whatever address.
    own: true,
    help: 'PostgreSQL database for all but the bytes; better a variable',
    more: 'Like `postgres://user:password@host:5432/database`; see [operating](docs/operating.md#postgresql).',
  }),
  publicUrl: setting('PUBLIC_URL <url>', url, {
    otherwise: 'where it listens',
    help: 'address that clients see; links start with it',
    more: 'It is never taken from a request, and, unless it is this machine, the one address at which people sign in to the console. If it is unset, a server that listens on all addresses makes links to `127.0.0.1`, and warns of that at its start.',
  }),
  rootKey: setting('ROOT_KEY <secret>', rootKey, {
    secret: true,
    help: "fixed operator's key of the organization default; better a variable",
    more: 'For containers and tests: 16 printable ASCII characters or more. A changed value replaces the old one; a server without the variable leaves the key as it is; see [operating](docs/operating.md#keys).',
  }),
  sessionSeconds: setting('SESSION_SECONDS <seconds>', integer(60, MAX_SESSION_SECONDS), {
    fallback: '43200',
    help: 'how long somebody stays signed in to the console',
    more: 'From 60 to 604800 (seven days). It ends at once when its key is revoked; see [Sessions](docs/admin-api.md#sessions).',
  }),
  oidc,
  rateLimits: setting('RATE_LIMITS <limits>', rateLimits, {
    fallback: 'on',
    help: 'requests per second: on (25), off, a number, or like write=25,read=50,search=10',
    more: 'Writes, reads and searches of an organization have a limit each, counted over all servers on one database.',
  }),
  keyGuessesPerSecond: setting('KEY_GUESSES_PER_SECOND <number>', integerOrOff(1, MAX_PER_SECOND), {
    fallback: '100',
    own: true,
    help: 'wrong keys and sessions that this server answers as such, or off',
    more: 'Over HTTP and gRPC together. Beyond it wrong keys get 429 (gRPC `RESOURCE_EXHAUSTED`); right keys are never limited by it.',
  }),
  connectionsPerSecond: setting('CONNECTIONS_PER_SECOND <number>', integerOrOff(1, MAX_PER_SECOND), {
    fallback: '200',
    own: true,
    help: 'new connections that one address may open, on HTTP and gRPC together, or off',
    more: 'It may open as many at once; further ones are closed. A /64 network of IPv6 counts as one address. Connections from this machine are not counted.',
  }),
  trustedProxies: setting('TRUSTED_PROXIES <addresses>', networks, {
    fallback: '',
    own: true,
    help: 'addresses whose connections are not counted, like 10.0.0.5,10.1.0.0/16',
    more: 'Name proxies and gateways, behind which many clients share an address.',
  }),
  emulator: setting('EMULATOR <off|on|exposed>', oneOf('off', 'on', 'exposed'), {
    fallback: 'off',
    own: true,
    help: 'for tests: time that can be moved, faults and a reset, below /-/',
    more: '`on`: on loopback alone, without a key; `exposed`: on any address, with the key of an admin. Data for tests only; see [Emulator](docs/emulator.md).',
  }),
  logLevel: setting(
    'LOG_LEVEL <level>',
    oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    {
      otherwise: '`info`; on a terminal `debug`',
      own: true,
      help: 'least level: fatal, error, warn, info, debug, trace or silent',
      more: '`debug` has one line per request. A terminal is one that shows the log as text.',
    },
  ),
  logFormat: setting('LOG_FORMAT <auto|json|text>', oneOf('auto', 'json', 'text'), {
    fallback: 'auto',
    own: true,
    help: 'form of the log: auto is text on a terminal, else JSON',
    more: 'Text has colours on a terminal only; `NO_COLOR` and `FORCE_COLOR` are honoured.',
  }),
  drainSeconds: setting('DRAIN_SECONDS <seconds>', integer(0, MAX_DRAIN_SECONDS), {
    fallback: '0',
    own: true,
    help: 'how long a stopping server goes on serving, so that balancers notice',
    more: 'At most 20; meanwhile `/readyz` says 503. See [stopping](docs/operating.md#stopping).',
  }),
  metricsHost: setting('METRICS_HOST <address>', text, {
    fallback: '127.0.0.1',
    own: true,
    help: 'address to serve metrics on',
  }),
  metrics: setting('METRICS_PORT <number>', optionalPort, {
    fallback: '8422',
    own: true,
    help: 'port of the metrics, or off',
    more: 'If you set it and it is taken, the start fails. If the default is taken, the server starts without metrics.',
  }),
  tracing,
  diskReserveBytes: setting('DISK_RESERVE_BYTES <bytes>', size(0), {
    otherwise: '5 % of the disk, at most 1 GiB',
    own: true,
    help: 'disk space that uploads leave free',
    more: 'With it the database can go on working.',
  }),
  collect: group({
    downloadSeconds: setting(
      'COLLECT_DOWNLOAD_SECONDS <seconds>',
      integer(MIN_DOWNLOAD_SECONDS, MAX_COLLECT_SECONDS),
      {
        fallback: '600',
        help: 'how long bytes stay after their file ended, for downloads in progress',
        more: 'At least 60. See [when bytes are removed](docs/operating.md#when-bytes-are-removed) for this and the next two.',
      },
    ),
    leaseSeconds: setting(
      'COLLECT_LEASE_SECONDS <seconds>',
      integer(MIN_LEASE_SECONDS, MAX_COLLECT_SECONDS),
      {
        fallback: '86400',
        help: 'how long an upload may write bytes before they are given up',
        more: 'At least 7200.',
      },
    ),
    lateSeconds: setting('COLLECT_LATE_SECONDS <seconds>', integer(MIN_LATE_SECONDS, MAX_COLLECT_SECONDS), {
      fallback: '3600',
      help: 'how long after a failed upload to S3 its bytes may arrive',
      more: 'At least 900.',
    }),
  }),
  s3,
  inlineBytes: setting('INLINE_BYTES <bytes>', size(0, MAX_INLINE_BYTES), {
    otherwise: '65536 with SQLite, 16384 with PostgreSQL',
    help: 'largest file that the database holds itself, 0 for none',
    more: 'At most 65536. Larger ones are files of their own, on the disk or in the bucket. A change concerns new files only.',
  }),
  tusMaxFileBytes: setting('TUS_MAX_FILE_BYTES <bytes>', size(1, MAX_TUS_BYTES), {
    fallback: String(64 * 1024 * MIB),
    help: 'largest file that may be created by tus',
    more: 'Told to clients as `Tus-Max-Size`.',
  }),
  resumableDraft: setting('RESUMABLE_DRAFT <on|off>', onOff, {
    fallback: 'off',
    help: 'resumable uploads by the draft of the IETF, on upload links',
    more: 'Off until the draft is an RFC; see [Resumable uploads](docs/resumable.md#the-draft-of-the-ietf).',
  }),
  touchOn: setting('TOUCH_ON <none|download|read>', oneOf('none', 'download', 'read'), {
    fallback: 'none',
    help: 'what counts as activity of files that end after inactivity',
    more: '`read` includes downloads.',
  }),
  fidelity: setting('FIDELITY <open|strict>', oneOf('open', 'strict'), {
    fallback: 'open',
    help: 'what vendors refuse: open drops what nobody needs, strict keeps all of it',
    more: 'For keys that have none of their own (`key create --fidelity`); see [Open or strict](docs/operating.md#open-or-strict).',
  }),
  console: setting('CONSOLE <on|off>', onOff, {
    fallback: 'on',
    own: true,
    help: 'the console for browsers, at /console',
    more: 'Off: 404.',
  }),
  tls,
  grpc: setting('GRPC_PORT <number>', optionalPort, {
    fallback: '8421',
    own: true,
    help: 'port of gRPC, 0 for any free one, or off',
    more: 'If you set it and it is taken, the start fails. If the default is taken, the server starts without gRPC.',
  }),
  memoryBytes: setting('MEMORY_BYTES <bytes>', size(MIN_MEMORY_BYTES), {
    fallback: `${384 * MIB}`,
    own: true,
    help: 'memory for the bodies of all requests together',
    more: 'At least 16 MiB. Organizations share it fairly.',
  }),
  accelRedirect: setting('ACCEL_REDIRECT <prefix>', proxyPrefix, {
    own: true,
    otherwise: 'the server sends all bytes itself',
    help: 'internal path of nginx, which sends downloads from the disk',
    more: 'Like `/entrepot-blobs/`, and only with bytes on disk; see [operating](docs/operating.md#downloads-sent-by-nginx).',
  }),
  spoolBytes: setting('SPOOL_BYTES <bytes>', size(MIN_SPOOL_BYTES), {
    fallback: `${SPOOL_BYTES}`,
    own: true,
    help: 'space in the data folder where uploads to a bucket wait',
    more: 'At least 256 MiB. See [Bytes in S3](docs/s3.md#memory-and-the-spool).',
  }),
}

/** The values of the settings that are no dialect's. */
export interface Config extends ValuesOf<typeof serverSettings> {}
