import { type Command, Option } from 'commander'
import { type Config, fixedDefaults, loadConfig } from '../config/config.ts'
import { ConfigError } from '../config/reader.ts'
import { dialectSettings } from './dialect-settings.ts'
import type { Setting } from './setting.ts'

export const settings: readonly Setting[] = [
  { variable: 'HOST', value: 'address', meaning: 'address to listen on' },
  { variable: 'PORT', value: 'number', meaning: 'port to listen on, 0 for any free one' },
  { variable: 'DATA_DIR', value: 'folder', meaning: 'where everything is kept' },
  {
    variable: 'DATABASE_URL',
    value: 'url',
    fallback: 'SQLite in the data folder',
    meaning: 'PostgreSQL database, postgres://user:password@host/database; better a variable',
  },
  { variable: 'PUBLIC_URL', value: 'url', fallback: 'where it listens', meaning: 'what links start with' },
  { variable: 'ROOT_KEY', value: 'secret', meaning: 'fixed admin key; better a variable' },
  {
    variable: 'RATE_LIMITS',
    value: 'limits',
    meaning: 'per second: on (25), off, a number, or like write=25,read=50,search=10',
  },
  {
    variable: 'KEY_GUESSES_PER_SECOND',
    value: 'number',
    meaning: 'wrong keys that this server answers as such, or off',
  },
  {
    variable: 'CONNECTIONS_PER_SECOND',
    value: 'number',
    meaning: 'new connections of one address, on HTTP and gRPC together, or off',
  },
  {
    variable: 'TRUSTED_PROXIES',
    value: 'addresses',
    meaning: 'whose connections are not counted: like 10.0.0.5,10.1.0.0/16',
  },
  { variable: 'LOG_LEVEL', value: 'level', meaning: 'fatal, error, warn, info, debug, trace or silent' },
  {
    variable: 'DRAIN_SECONDS',
    value: 'seconds',
    meaning: 'how long a stop goes on serving, so that balancers notice',
  },
  { variable: 'METRICS_HOST', value: 'address', meaning: 'address of the metrics' },
  { variable: 'METRICS_PORT', value: 'number', meaning: 'port of the metrics, or off' },
  {
    variable: 'DISK_RESERVE_BYTES',
    value: 'bytes',
    fallback: '5 % of the disk, at most 1 GiB',
    meaning: 'space that uploads leave free',
  },
  {
    variable: 'COLLECT_DOWNLOAD_SECONDS',
    value: 'seconds',
    meaning: 'how long bytes stay after their file ended, for downloads under way',
  },
  {
    variable: 'COLLECT_LEASE_SECONDS',
    value: 'seconds',
    meaning: 'how long an upload may write bytes before they are given up',
  },
  {
    variable: 'COLLECT_LATE_SECONDS',
    value: 'seconds',
    meaning: 'how long after a failed upload to S3 its bytes may turn up',
  },
  { variable: 'S3_BUCKET', value: 'name', meaning: 'keep the bytes in this bucket' },
  { variable: 'S3_ENDPOINT', value: 'url', fallback: "Amazon's", meaning: 'address of the store' },
  { variable: 'S3_REGION', value: 'region', fallback: 'AWS_REGION, or us-east-1', meaning: 'of the bucket' },
  { variable: 'S3_PREFIX', value: 'prefix', meaning: 'what names of objects start with' },
  {
    variable: 'S3_PATH_STYLE',
    value: 'on|off',
    fallback: 'on with an endpoint',
    meaning: 'name the bucket in the path, not in the host',
  },
  {
    variable: 'DIRECT_TRANSFER',
    value: 'on|off',
    meaning: 'let clients send and get bytes from the bucket itself',
  },
  {
    variable: 'TOUCH_ON',
    value: 'none|download|read',
    meaning: 'what moves the end of files that live since their last activity',
  },
  { variable: 'TLS', value: 'self-signed', meaning: 'make a certificate, for both ports' },
  { variable: 'TLS_CERT', value: 'file', meaning: 'certificate for both ports, PEM' },
  { variable: 'TLS_KEY', value: 'file', meaning: 'its private key, PEM' },
  { variable: 'GRPC_PORT', value: 'number', meaning: 'port of gRPC, 0 for any free one, or off' },
  { variable: 'MEMORY_BYTES', value: 'bytes', meaning: 'what requests may hold in memory, all together' },
  { variable: 'SPOOL_BYTES', value: 'bytes', meaning: 'disk space on which uploads to a bucket wait' },
  ...dialectSettings,
]

/** What every command that opens the stores takes. */
export const storeSettings = settings.filter(
  ({ variable }) => ['DATA_DIR', 'DATABASE_URL'].includes(variable) || variable.startsWith('S3_'),
)

export function addSettings(command: Command, offered: readonly Setting[]): Command {
  const fixed = fixedDefaults()
  for (const setting of offered) {
    const fallback = setting.fallback ?? fixed.get(setting.variable) ?? 'none'
    const help = `${setting.meaning} (${environmentName(setting)}, default ${fallback})`
    command.addOption(new Option(`${flagOf(setting)} <${setting.value}>`, help))
  }
  return command
}

/**
 * The environment, with the flags of the command over it.
 * @throws ConfigError which names a wrong flag as a flag
 */
export function configOf(command: Command): Config {
  // A move is told by its variables where to, and whoever exports them goes on to call other commands.
  const own = Object.entries(process.env).filter(([name]) => !targetVariables.has(name))
  return load(Object.fromEntries(own), command, '')
}

/** The settings of the source are not those of the target, but for its data folder and credentials, unless others are named. */
const TARGET = 'ENTREPOT_TO_'

/** Of the SDK, as far as `loadConfig` reads them. */
const AWS_VARIABLES = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_REGION',
  'AWS_DEFAULT_REGION',
]

/** What `migrate-storage` reads and no other command does. Others of the prefix are typos, which every command tells. */
const targetVariables: ReadonlySet<string> = new Set(
  [...settings.map(({ variable }) => variable), ...AWS_VARIABLES].map((name) => TARGET + name),
)

/** A password in a flag would be in the list of processes. */
const targetSettings = storeSettings.filter(({ variable }) => variable !== 'DATABASE_URL')

export function addTargetSettings(command: Command): void {
  for (const { variable, value, meaning } of targetSettings) {
    const flag = `--to-${flagOf({ variable }).slice(2)} <${value}>`
    command.addOption(new Option(flag, `of the target: ${meaning} (${TARGET}${variable})`))
  }
}

/**
 * What a move moves to. `ENTREPOT_TO_AWS_ACCESS_KEY_ID` and its like stand for those of the SDK.
 * @throws ConfigError which names a wrong flag as a flag
 */
export function targetConfigOf(command: Command, source: Config): Config {
  const env: NodeJS.ProcessEnv = { ENTREPOT_DATA_DIR: source.dataDir }
  for (const [name, value] of Object.entries(process.env)) {
    if (!name.startsWith('ENTREPOT_')) env[name] = value
  }
  for (const [name, value] of Object.entries(process.env)) {
    if (!targetVariables.has(name)) continue
    const own = name.slice(TARGET.length)
    env[own.startsWith('AWS_') ? own : `ENTREPOT_${own}`] = value
  }
  return load(env, command, 'TO_')
}

/**
 * A sentence about the target, with the names of its settings in place of those of a server: the flag if that was given, else
 * the variable.
 */
export function namedForTarget(command: Command, sentence: string): string {
  return sentence.replace(/\b(?:ENTREPOT|AWS)_\w+/g, (name) => {
    const variable = name.replace(/^ENTREPOT_/, '')
    if (!targetVariables.has(TARGET + variable)) return name
    const setting = { variable: `TO_${variable}` }
    return givenValue(command, setting) === undefined ? TARGET + variable : flagOf(setting)
  })
}

function load(env: NodeJS.ProcessEnv, command: Command, prefix: '' | 'TO_'): Config {
  const givenTo = ({ variable }: Setting) => givenValue(command, { variable: prefix + variable })
  const flags = settings.filter((setting) => givenTo(setting) !== undefined)
  for (const setting of flags) env[environmentName(setting)] = givenTo(setting)
  try {
    return loadConfig(env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError(
      error.problems.map((problem) => {
        const given = flags.find((setting) => problem.startsWith(`${environmentName(setting)} `))
        if (given === undefined) return prefix === '' ? problem : problem.replace(/^ENTREPOT_/, TARGET)
        const flag = flagOf({ variable: prefix + given.variable })
        return flag + problem.slice(environmentName(given).length)
      }),
    )
  }
}

/** The flags that say where the installation is, as they were given; never a password. */
export function givenFlags(command: Command): readonly string[] {
  return storeSettings
    .filter(({ variable }) => variable !== 'DATABASE_URL')
    .flatMap((setting) => {
      const value = givenValue(command, setting)
      return value === undefined ? [] : [flagOf(setting), value]
    })
}

function environmentName({ variable }: Pick<Setting, 'variable'>): string {
  return `ENTREPOT_${variable}`
}

function flagOf({ variable }: Pick<Setting, 'variable'>): string {
  return `--${variable.toLowerCase().replaceAll('_', '-')}`
}

function givenValue(command: Command, { variable }: Pick<Setting, 'variable'>): string | undefined {
  const attribute = variable.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  return command.getOptionValue(attribute) as string | undefined
}
