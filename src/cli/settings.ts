import { type Command, Option } from 'commander'
import { type AppConfig, loadConfig, settings } from '../app/settings.ts'
import { type SettingInForce, settingsInForce } from '../app/settings-in-force.ts'
import { ConfigError, defaultOf, environmentName, listSettings, type Setting } from '../config/setting.ts'
import { allDialects } from '../dialects/all.ts'

export const allSettings = listSettings(settings)

/** What every command that opens the stores takes. */
export const storeSettings = allSettings.filter(
  ({ variable }) => ['DATA_DIR', 'DATABASE_URL'].includes(variable) || variable.startsWith('S3_'),
)

export function addSettings(command: Command, offered: readonly Setting[]): Command {
  for (const setting of offered) {
    const fallback = defaultOf(setting).replaceAll('`', '')
    const help = `${setting.help} (${environmentName(setting)}, default ${fallback})`
    command.addOption(new Option(`${flagOf(setting)} <${setting.value}>`, help).helpGroup(headingOf(setting)))
  }
  return command
}

/** What a setting is about, as a heading of the help. */
function headingOf(setting: Setting): string {
  const dialect = allDialects.find((each) => listSettings(each.settings).includes(setting))
  if (dialect) return `${dialect.title}:`
  if (storeSettings.includes(setting)) return 'Where the installation is:'
  return environmentName(setting).startsWith('OTEL_') ? 'Traces:' : 'Options:'
}

/** Gives the commands below `parent`, but for some, the flags that say where the installation is. */
export function addStoreSettings(parent: Command, except: readonly string[]): void {
  for (const command of parent.commands) {
    if (except.includes(command.name())) continue
    if (command.commands.length > 0) addStoreSettings(command, except)
    else addSettings(command, storeSettings)
  }
}

/**
 * The environment, with the flags of the command over it.
 * @throws ConfigError which names a wrong flag as a flag
 */
export function configOf(command: Command): AppConfig {
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
  [...allSettings.map(({ variable }) => variable), ...AWS_VARIABLES].map((name) => TARGET + name),
)

/** A password in a flag would be in the list of processes. */
const flagSettings = storeSettings.filter(({ variable }) => variable !== 'DATABASE_URL')

export function addTargetSettings(command: Command): void {
  for (const { variable, value, help } of flagSettings) {
    const flag = `${flagOf({ variable: `TO_${variable}` })} <${value}>`
    command.addOption(new Option(flag, `${help} (${TARGET}${variable})`).helpGroup('Where it goes:'))
  }
}

/**
 * What a move moves to. `ENTREPOT_TO_AWS_ACCESS_KEY_ID` and its like stand for those of the SDK.
 * @throws ConfigError which names a wrong flag as a flag
 */
export function targetConfigOf(command: Command, source: AppConfig): AppConfig {
  const given = Object.entries(process.env)
  const env = {
    ENTREPOT_DATA_DIR: source.dataDir,
    ...Object.fromEntries(given.filter(([name]) => !name.startsWith('ENTREPOT_'))),
  }
  for (const [name, value] of given) {
    if (!targetVariables.has(name)) continue
    const own = name.slice(TARGET.length)
    Object.assign(env, { [own.startsWith('AWS_') ? own : `ENTREPOT_${own}`]: value })
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

function load(env: NodeJS.ProcessEnv, command: Command, prefix: '' | 'TO_'): AppConfig {
  const flagsByName = new Map<string, string>()
  for (const setting of allSettings) {
    const prefixed = { variable: prefix + setting.variable }
    const value = givenValue(command, prefixed)
    if (value === undefined) continue
    env[environmentName(setting)] = value
    flagsByName.set(environmentName(setting), flagOf(prefixed))
  }
  try {
    return loadConfig(env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const named = (name: string) => flagsByName.get(name) ?? name.replace(/^ENTREPOT_/, `ENTREPOT_${prefix}`)
    throw new ConfigError(error.problems.map((problem) => problem.replace(/^(?:ENTREPOT|OTEL)_\w+/, named)))
  }
}

/** A sentence about settings, with the flag in place of the variable where that was given. */
export function namedAsGiven(command: Command, sentence: string): string {
  return sentence.replace(/\bENTREPOT_\w+/g, (name) => {
    const setting = { variable: name.replace(/^ENTREPOT_/, '') }
    return givenValue(command, setting) === undefined ? name : flagOf(setting)
  })
}

/** @throws ConfigError, as `configOf` */
export function settingsInForceOf(command: Command): readonly SettingInForce[] {
  configOf(command)
  const flags = allSettings.flatMap((setting): [string, string][] => {
    const value = givenValue(command, setting)
    return value === undefined ? [] : [[environmentName(setting), value]]
  })
  return settingsInForce(process.env, new Map(flags))
}

/** The flags that say where the installation is, as they were given; never a password. */
export function givenFlags(command: Command): readonly string[] {
  return flagSettings.flatMap((setting) => {
    const value = givenValue(command, setting)
    return value === undefined ? [] : [flagOf(setting), value]
  })
}

function flagOf({ variable }: Pick<Setting, 'variable'>): string {
  return `--${variable.toLowerCase().replaceAll('_', '-')}`
}

function givenValue(command: Command, setting: Pick<Setting, 'variable'>): string | undefined {
  return command.getOptionValue(new Option(flagOf(setting)).attributeName()) as string | undefined
}
