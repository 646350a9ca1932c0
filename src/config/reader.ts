import { readFileSync } from 'node:fs'
import { BlockList } from 'node:net'
import { parseNetworks } from './networks.ts'
import { isPurposeOverride, type PurposeOverride } from './purposes.ts'
import { unknownSettings } from './suggestion.ts'

/** Never printed: JSON and logs show `[secret]`; only `reveal` gives the value. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toJSON(): string {
    return '[secret]'
  }
}

/** Settings that are wrong, one sentence each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Requests per second of each class; undefined: no limit. */
export type RateLimitSettings = Readonly<Record<'write' | 'read' | 'search', number | undefined>>

/** Where the certificate comes from. */
export type TlsSettings =
  | { readonly kind: 'self-signed' }
  | { readonly kind: 'files'; readonly certPath: string; readonly keyPath: string }

/** A bucket for the bytes, and how it is reached. */
export interface S3Settings {
  readonly bucket: string
  /** Undefined: Amazon's own. */
  readonly endpoint: string | undefined
  readonly region: string
  /** Empty, or ends with a slash. */
  readonly prefix: string
  readonly pathStyle: boolean
  /** Undefined: what the SDK finds in shared files, containers and instances. */
  readonly credentials:
    | { readonly accessKeyId: string; readonly secretAccessKey: Secret; readonly sessionToken?: Secret }
    | undefined
  /** Clients send and get bytes from the store itself. */
  readonly direct: boolean
}

/** Of names of buckets (docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html). */
const BUCKET_RULE = '3 to 63 lower-case letters, digits, dots and hyphens, no dot or hyphen at an end'
const LIMIT_PER_SECOND = 25
const MAX_PER_SECOND = 9_999_999

/** Reads one variable after another and notes what is wrong with each. An empty variable counts as unset. */
export class Reader {
  readonly #env: Environment
  readonly #seen = new Set<string>()
  readonly #problems: string[] = []
  /** What those settings that have a fixed default are without one, as an operator would write it. */
  readonly defaults = new Map<string, string>()

  constructor(env: Environment) {
    this.#env = env
  }

  #raw(name: string): string | undefined {
    this.#seen.add(`ENTREPOT_${name}`)
    return this.#env[`ENTREPOT_${name}`] || undefined
  }

  /** Notes what is wrong with a setting, or that it does not go together with others. */
  refuse(name: string, sentence: string): void {
    this.#problems.push(`ENTREPOT_${name} ${sentence}`)
  }

  text(name: string, fallback: string): string {
    this.defaults.set(name, fallback)
    return this.#raw(name) ?? fallback
  }

  optionalText(name: string): string | undefined {
    return this.#raw(name)
  }

  /** `TLS=self-signed`, or `TLS_CERT` and `TLS_KEY` together. */
  tls(): TlsSettings | undefined {
    const [made, certPath, keyPath] = [this.#raw('TLS'), this.#raw('TLS_CERT'), this.#raw('TLS_KEY')]
    if (made !== undefined && made !== 'self-signed')
      this.refuse('TLS', `must be self-signed, not "${made}".`)
    if (made !== undefined && (certPath ?? keyPath) !== undefined)
      this.refuse('TLS', 'excludes TLS_CERT and TLS_KEY.')
    if ((certPath === undefined) !== (keyPath === undefined))
      this.refuse('TLS_CERT', 'and ENTREPOT_TLS_KEY go together.')
    if (certPath !== undefined && keyPath !== undefined) return { kind: 'files', certPath, keyPath }
    return made === undefined ? undefined : { kind: 'self-signed' }
  }

  /** Undefined: bytes are kept on disk. The other variables of a bucket make no sense without one. */
  s3(): S3Settings | undefined {
    const bucket = this.#raw('S3_BUCKET')
    const endpoint = this.url('S3_ENDPOINT')
    const region = this.#raw('S3_REGION')
    const prefix = this.#raw('S3_PREFIX') ?? ''
    const pathStyle = this.onOff('S3_PATH_STYLE', endpoint !== undefined)
    const direct = this.onOff('DIRECT_TRANSFER', false)
    if (bucket === undefined) {
      for (const name of ['S3_ENDPOINT', 'S3_REGION', 'S3_PREFIX', 'S3_PATH_STYLE', 'DIRECT_TRANSFER'])
        if (this.#raw(name) !== undefined) this.refuse(name, 'needs ENTREPOT_S3_BUCKET.')
      return undefined
    }
    if (!/^[a-z\d][a-z\d.-]{1,61}[a-z\d]$/.test(bucket))
      this.refuse('S3_BUCKET', `must be the name of a bucket (${BUCKET_RULE}), not "${bucket}".`)
    if (!/^[\w.-]*(?:\/[\w.-]+)*\/?$/.test(prefix) || prefix.startsWith('/'))
      this.refuse('S3_PREFIX', `must be like "files/" or "a/b/", not "${prefix}".`)
    return {
      bucket,
      endpoint,
      region: region ?? this.#env.AWS_REGION ?? this.#env.AWS_DEFAULT_REGION ?? 'us-east-1',
      prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`,
      pathStyle,
      credentials: this.#awsCredentials(),
      direct,
    }
  }

  #awsCredentials(): S3Settings['credentials'] {
    const read = (name: string) => this.#env[name] || undefined
    const [accessKeyId, secret] = [read('AWS_ACCESS_KEY_ID'), read('AWS_SECRET_ACCESS_KEY')]
    const token = read('AWS_SESSION_TOKEN')
    if ((accessKeyId === undefined) !== (secret === undefined))
      this.#problems.push('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together.')
    if (accessKeyId === undefined || secret === undefined) return undefined
    const secretAccessKey = new Secret(secret)
    return { accessKeyId, secretAccessKey, ...(token ? { sessionToken: new Secret(token) } : {}) }
  }

  integer(name: string, fallback: number, minimum: number, maximum: number): number {
    this.defaults.set(name, String(fallback))
    return this.optionalInteger(name, minimum, maximum) ?? fallback
  }

  optionalInteger(name: string, minimum: number, maximum: number, or = ''): number | undefined {
    const text = this.#raw(name)
    if (text === undefined) return undefined
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (value >= minimum && value <= maximum) return value
    this.refuse(name, `must be ${or}a whole number from ${minimum} to ${maximum}, not "${text}".`)
    return undefined
  }

  /** Undefined: `off`. */
  #integerOrOff(name: string, fallback: number, minimum: number, maximum: number): number | undefined {
    this.defaults.set(name, String(fallback))
    if (this.#raw(name) === 'off') return undefined
    return this.optionalInteger(name, minimum, maximum, 'off or ') ?? fallback
  }

  oneOf<T extends string>(name: string, allowed: readonly T[], fallback: T): T {
    const text = this.text(name, fallback)
    const found = allowed.find((value) => value === text)
    if (found === undefined) this.refuse(name, `must be one of ${allowed.join(', ')}, not "${text}".`)
    return found ?? fallback
  }

  /** It may hold a password by mistake, so that it is not repeated when it is wrong. */
  url(name: string): string | undefined {
    const text = this.#raw(name)
    if (text === undefined) return undefined
    const { protocol, username, password, search, hash } = URL.parse(text) ?? {}
    if (/^https?:$/.test(protocol ?? '') && !username && !password && !search && !hash)
      return text.replace(/\/+$/, '')
    this.refuse(name, 'must be like https://files.example.com, without user, query or fragment.')
    return undefined
  }

  /** Of a PostgreSQL database. It may hold a password, so that it is not repeated when it is wrong. */
  databaseUrl(name: string): Secret | undefined {
    const text = this.#raw(name)
    if (text === undefined) return undefined
    const { protocol, hostname, pathname } = URL.parse(text) ?? {}
    if (/^postgres(ql)?:$/.test(protocol ?? '') && hostname && pathname && pathname !== '/')
      return new Secret(text)
    this.refuse(name, 'must be like postgres://user:password@host:5432/database.')
    return undefined
  }

  /** Sent in a header, which holds no other characters. */
  secret(name: string, minimumCharacters: number): Secret | undefined {
    const text = this.#raw(name)
    if (text === undefined) return undefined
    if (text.length < minimumCharacters || text.trim() !== text || !/^[ -~]*$/.test(text))
      this.refuse(
        name,
        `must be ${minimumCharacters} or more printable ASCII characters, no space around them.`,
      )
    return new Secret(text)
  }

  /** `on`, `off`, one number for all classes, or `write=…,read=…,search=…` (a class left out keeps the default). */
  rateLimits(): RateLimitSettings {
    const text = this.text('RATE_LIMITS', 'on')
    const all = (limit: number | undefined) => ({ write: limit, read: limit, search: limit })
    if (text === 'off') return all(undefined)
    if (text === 'on') return all(LIMIT_PER_SECOND)
    if (/^[1-9]\d{0,6}$/.test(text)) return all(Number(text))
    const limits = all(LIMIT_PER_SECOND)
    for (const part of text.split(',')) {
      const [, name, number] = /^(write|read|search)=([1-9]\d{0,6})$/.exec(part.trim()) ?? []
      if (name === undefined) {
        this.refuse(
          'RATE_LIMITS',
          `must be on, off, a number, or like "write=25,read=50,search=10", not "${text}".`,
        )
        return limits
      }
      limits[name as keyof typeof limits] = Number(number)
    }
    return limits
  }

  /** How often per second, 1 or more; undefined: `off`, no limit. */
  perSecond(name: string, fallback: number): number | undefined {
    return this.#integerOrOff(name, fallback, 1, MAX_PER_SECOND)
  }

  /** Addresses and networks; nobody by default. */
  networks(name: string): BlockList {
    const text = this.#raw(name)
    try {
      return text === undefined ? new BlockList() : parseNetworks(text)
    } catch (error) {
      this.refuse(name, `must be like "10.0.0.5, 10.1.0.0/16", not ${(error as Error).message}.`)
      return new BlockList()
    }
  }

  /** A port, or `off`; told apart from one that nobody asked for. */
  optionalPort(
    name: string,
    fallback: number,
  ): { readonly port: number | undefined; readonly required: boolean } {
    const required = this.#raw(name) !== undefined
    return { port: this.#integerOrOff(name, fallback, 0, 65_535), required }
  }

  /** JSON, or `@` and the path of a file with JSON. */
  purposes(name: string): Readonly<Record<string, PurposeOverride>> {
    const text = this.text(name, '{}')
    try {
      const value: unknown = JSON.parse(text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text)
      const wrong = Object.entries(value as object).find(([, override]) => !isPurposeOverride(override))
      if (wrong === undefined) return value as Record<string, PurposeOverride>
      this.refuse(
        name,
        `has a purpose "${wrong[0]}" that is not an object of mimeTypes, maxBytes, holder and stamped.`,
      )
    } catch (error) {
      this.refuse(name, `could not be read as JSON: ${(error as Error).message}.`)
    }
    return {}
  }

  onOff(name: string, fallback: boolean): boolean {
    return this.oneOf(name, ['on', 'off'], fallback ? 'on' : 'off') === 'on'
  }

  /** Like `parse=24,extract=never`; one word, `never`, for all. Undefined: nothing was said. */
  hoursByName(name: string): Readonly<Record<string, number | null>> | 'never' {
    const text = this.#raw(name)
    if (text === undefined) return {}
    if (text === 'never') return 'never'
    const hours: Record<string, number | null> = {}
    for (const part of text.split(',')) {
      const [, key, value] = /^(\w+)=(never|[1-9]\d{0,5})$/.exec(part.trim()) ?? []
      if (key === undefined)
        this.refuse(name, `must be never, or like "parse=48,user_data=never", not "${text}".`)
      else hours[key] = value === 'never' ? null : Number(value)
    }
    return hours
  }

  finish(): void {
    this.#problems.push(...unknownSettings(Object.keys(this.#env), this.#seen))
    if (this.#problems.length > 0) throw new ConfigError(this.#problems)
  }
}
