import { InvalidArgumentError } from 'commander'
import type { ConnectionOptions } from '../remote/connection.ts'

export interface PutOptions extends ConnectionOptions {
  readonly recursive?: true
  readonly project?: string
  readonly name?: string
  readonly purpose?: string
  readonly label?: Readonly<Record<string, string>>
  readonly expires?: Lifetime
  readonly json?: true
}

/** When a file ends: at a time, or so long after its creation. */
export type Lifetime = { readonly at: number } | { readonly seconds: number }

const SECONDS_BY_UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

/** `30d`, `12h`, or a time in ISO 8601. @throws InvalidArgumentError */
export function parseLifetime(text: string): Lifetime {
  const [, count = '', unit = ''] = /^(\d{1,9}) ?([smhdw])$/.exec(text) ?? []
  const seconds = Number(count) * (SECONDS_BY_UNIT[unit] ?? 0)
  if (seconds > 0) return { seconds }
  const at = /^\d{4}-\d\d-\d\d(T.*)?$/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(at))
    throw new InvalidArgumentError(
      'It is neither like 30d, 12h or 45m, nor a time like 2030-01-31T12:00:00Z.',
    )
  if (at <= Date.now()) throw new InvalidArgumentError('It is not in the future.')
  return { at }
}

/** `key=value`, repeatable. @throws InvalidArgumentError */
export function appendLabel(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('It is not like key=value.')
  const labels = { ...before }
  // A label may be called __proto__.
  Object.defineProperty(labels, text.slice(0, at), {
    value: text.slice(at + 1),
    enumerable: true,
    configurable: true,
  })
  return labels
}

/** `Upload-Metadata` of a file; the server finds out its type. */
export function metadataOf(
  name: string,
  { project, purpose, label, expires }: PutOptions,
): Record<string, string> {
  return {
    filename: name,
    ...(project === undefined ? {} : { project }),
    ...(purpose === undefined ? {} : { purpose }),
    ...(label === undefined ? {} : { labels: JSON.stringify(label) }),
    ...(expires === undefined ? {} : { expiresInSeconds: `${secondsUntil(expires)}` }),
  }
}

function secondsUntil(lifetime: Lifetime): number {
  return 'seconds' in lifetime ? lifetime.seconds : Math.max(1, Math.ceil((lifetime.at - Date.now()) / 1000))
}
