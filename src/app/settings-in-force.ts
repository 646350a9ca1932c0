import { Secret } from '../config/secret.ts'
import { defaultOf, type Environment, environmentName, listSettings } from '../config/setting.ts'
import { settings } from './settings.ts'

/** A setting as it is in force. */
export interface SettingInForce {
  /** Its variable. */
  readonly name: string
  /** As it was written, or what holds by default; never a secret. */
  readonly value: string
  readonly from: 'flag' | 'environment' | 'default'
  /** What it is about, in a line. */
  readonly help: string
  /** What holds if nothing is set. */
  readonly default: string
}

/**
 * Every setting, in the order of the documentation.
 * @param env in which every value can be read: see `loadConfig`
 * @param flags the values that were given by flags, by variable; they win
 */
export function settingsInForce(
  env: Environment,
  flags: ReadonlyMap<string, string> = new Map(),
): readonly SettingInForce[] {
  return listSettings(settings).map((setting) => {
    const name = environmentName(setting)
    const flag = flags.get(name) || undefined
    const given = flag ?? (env[name] || undefined)
    const told = { name, help: setting.help, default: defaultOf(setting).replaceAll('`', '') }
    if (given === undefined) return { ...told, value: told.default, from: 'default' }
    const isSecret =
      setting.secret || setting.parse(given, true) instanceof Secret || Boolean(URL.parse(given)?.password)
    const from = flag === undefined ? 'environment' : 'flag'
    return { ...told, value: isSecret ? '[secret]' : given, from }
  })
}
