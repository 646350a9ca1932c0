const BYTES_BY_UNIT: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
}

/**
 * Bytes, by number or with a unit in any case: `500MB` (of 1000), `5GiB` (of 1024), `1.5 GiB`.
 * @returns undefined for anything else, such as `10M`, which some read as MB and others as MiB
 */
export function parseSize(text: string): number | undefined {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text) ?? []
  const bytes = Number(digits || Number.NaN) * (BYTES_BY_UNIT[unit.toLowerCase()] ?? Number.NaN)
  // A fraction is a matter of the unit: `1.1GB` is 1100000000.0000002 in floating point, `1.1` is a mistake.
  const size = digits.includes('.') && bytes >= 1000 ? Math.round(bytes) : bytes
  return Number.isSafeInteger(size) ? size : undefined
}

const SHOWN_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** For people: `1.5 GiB`. */
export function showSize(bytes: number): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), SHOWN_UNITS.length - 1)
  const value = bytes / 1024 ** power
  return `${value.toFixed(power === 0 || value >= 100 ? 0 : 1)} ${SHOWN_UNITS[power]}`
}
