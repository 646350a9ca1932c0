import { type Config, serverSettings } from '../config/config.ts'
import { isLoopback } from '../config/networks.ts'
import {
  ConfigError,
  type Environment,
  group,
  listSettings,
  readSettings,
  type Settings,
  type ValuesOf,
} from '../config/setting.ts'
import { unknownSettings } from '../config/suggestion.ts'
import { allDialects } from '../dialects/all.ts'
import type { Dialect, DialectHost, ServedDialect } from '../dialects/dialect.ts'

/** Every setting: those of the server, then those of each dialect. */
export const settings = {
  ...serverSettings,
  dialects: group(Object.fromEntries(allDialects.map((dialect) => [dialect.name, group(dialect.settings)]))),
}

export interface AppConfig extends ValuesOf<typeof settings> {}

/**
 * The environment as a frozen configuration.
 * @throws ConfigError naming every problem at once, unknown `ENTREPOT_` variables included
 */
export function loadConfig(env: Environment): AppConfig {
  const problems: string[] = []
  const config = readSettings(settings, env, problems)
  problems.push(...allDialects.flatMap((dialect) => dialect.check?.(valuesOf(dialect, config), config) ?? []))
  if (config.accelRedirect !== undefined && config.s3 !== undefined)
    problems.push('ENTREPOT_ACCEL_REDIRECT is for bytes on disk, and does not go with ENTREPOT_S3_BUCKET.')
  problems.push(...emulatorProblems(config))
  problems.push(...unknownSettings(Object.keys(env), listSettings(settings)))
  if (problems.length > 0) throw new ConfigError(problems)
  return deepFreeze(config)
}

function emulatorProblems({ emulator, host, databaseUrl }: Config): readonly string[] {
  if (emulator === undefined || emulator === 'off') return []
  return [
    ...(databaseUrl === undefined
      ? []
      : ['ENTREPOT_EMULATOR is for one server with SQLite, and does not go with ENTREPOT_DATABASE_URL.']),
    ...(emulator === 'exposed' || isLoopback(host)
      ? []
      : [
          `ENTREPOT_EMULATOR=on lets everybody who reaches ${host} remove all data: set ENTREPOT_HOST=127.0.0.1, or ENTREPOT_EMULATOR=exposed, which asks for a key.`,
        ]),
  ]
}

/** The dialects with the code that serves them. */
export function loadDialects(config: AppConfig, host: DialectHost): Promise<readonly ServedDialect[]> {
  return Promise.all(
    allDialects.map(async (dialect) => {
      const { name, title, basePath = '', fileIds } = dialect
      return { name, title, basePath, fileIds, ...(await dialect.load(valuesOf(dialect, config), host)) }
    }),
  )
}

function valuesOf({ name }: Dialect, { dialects }: AppConfig): ValuesOf<Settings> {
  return dialects[name] as ValuesOf<Settings>
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const part of Object.values(value)) deepFreeze(part)
  return Object.freeze(value)
}
