import { InvalidArgumentError } from 'commander'

/** When a file or key ends: at a time, or so long after its creation. */
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
