const DECIMAL: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12, p: 1e15 }
const BINARY: Readonly<Record<string, number>> = {
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  p: 2 ** 50,
}

/** Bytes in a text like `50 GB`, `1.5 GiB` or `1000000`; null for an empty one, undefined for what is no size. */
export function bytesIn(text: string): number | null | undefined {
  const trimmed = text.trim()
  if (trimmed === '') return null
  const [, count = '', unit = '', binary] = /^(\d+(?:[.,]\d+)?)\s*([kmgtp]?)(i)?b?$/i.exec(trimmed) ?? []
  const factor = (binary === undefined ? DECIMAL : BINARY)[unit.toLowerCase()]
  const bytes = Math.round(Number(count.replace(',', '.')) * (factor ?? Number.NaN))
  return count !== '' && Number.isSafeInteger(bytes) ? bytes : undefined
}

/** A bound as it can be typed again, without losing a byte. */
export function textOf(bytes: number | null): string {
  if (bytes === null) return ''
  for (const [unit, factor] of [
    ['TB', 1e12],
    ['GB', 1e9],
    ['MB', 1e6],
    ['kB', 1e3],
  ] as const)
    if (bytes > 0 && bytes % (factor / 10) === 0) return `${bytes / factor} ${unit}`
  return String(bytes)
}

/** Whole files in a text; null for an empty one, undefined for what is no number. */
export function countIn(text: string): number | null | undefined {
  const trimmed = text.trim().replaceAll(/[\s,_]/g, '')
  if (trimmed === '') return null
  return /^\d+$/.test(trimmed) && Number.isSafeInteger(Number(trimmed)) ? Number(trimmed) : undefined
}
