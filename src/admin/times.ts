/** As every body tells a time: ISO 8601, with milliseconds. */
export function printTime(ms: number): string {
  return new Date(ms).toISOString()
}

export function printTimeOrNull(ms: number | null): string | null {
  return ms === null ? null : printTime(ms)
}
