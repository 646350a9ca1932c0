import type { UsagePoint } from '../../api/operating.ts'

export const RANGES = [
  { name: '24h', label: '24 hours', hours: 24, step: 'hour' },
  { name: '7d', label: '7 days', hours: 7 * 24, step: 'hour' },
  { name: '90d', label: '90 days', hours: 90 * 24, step: 'day' },
] as const
export type Range = (typeof RANGES)[number]

export function rangeOf(name: string | null): Range {
  return RANGES.find((range) => range.name === name) ?? RANGES[0]
}

export type Measure = Exclude<keyof UsagePoint, 'at'>

/** Times in seconds, and the numbers that belong to each; what is unknown is a gap. */
export type PlotData = [number[], ...(number | null)[][]]

export function columnsOf(series: readonly UsagePoint[], measures: readonly Measure[]): PlotData {
  return [
    series.map(({ at }) => Date.parse(at) / 1000),
    ...measures.map((measure) => series.map((point) => point[measure])),
  ]
}

/** Null: all of it is unknown. */
export function sumOf(series: readonly UsagePoint[], measure: Measure): number | null {
  const known = series.map((point) => point[measure]).filter((value) => value !== null)
  return known.length === 0 ? null : known.reduce((all, value) => all + value, 0)
}

export function lastOf(series: readonly UsagePoint[], measure: Measure): number | null {
  return series.at(-1)?.[measure] ?? null
}

/** When counting began, if that is within the series. */
export function countedFrom(series: readonly UsagePoint[]): string | undefined {
  if (series[0]?.requests !== null) return undefined
  return series.find(({ requests }) => requests !== null)?.at
}
