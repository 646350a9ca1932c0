const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

/** `3 min`, in the largest unit of which there are two or more; never less than a second. */
export function durationOf(seconds: number): string {
  for (const [unit, length] of UNITS) if (seconds >= 2 * length) return print(seconds / length, unit)
  return print(Math.max(seconds, 1), 'second')
}

function print(value: number, unit: string): string {
  return new Intl.NumberFormat('en', {
    style: 'unit',
    unit,
    unitDisplay: 'short',
    maximumFractionDigits: 0,
  }).format(value)
}
