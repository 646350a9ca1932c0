import { createHash } from 'node:crypto'
import { Secret } from './secret.ts'
import { environmentName, type Settings } from './setting.ts'

/** The value of a setting that must be the same on all servers. */
export interface SharedSetting {
  readonly variable: string
  /** The value in force, of a secret its SHA-256, as JSON: `null` where nothing is set and there is no default. */
  readonly value: string
  readonly isSecret: boolean
}

/** @param values what `rows` were read into; undefined if a group of them has none */
export function sharedSettings(rows: Settings, values: object | undefined): readonly SharedSetting[] {
  return Object.entries(rows).flatMap(([name, row]) => {
    const value = (values as Readonly<Record<string, unknown>> | undefined)?.[name]
    if ('rows' in row) return sharedSettings(row.rows, value as object | undefined)
    if (row.own) return []
    const told = value instanceof Secret ? sha256(value.reveal()) : (value ?? null)
    return [{ variable: environmentName(row), value: JSON.stringify(told), isSecret: row.secret ?? false }]
  })
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
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
