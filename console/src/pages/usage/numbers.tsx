import type { UsagePoint } from '../../api/operating.ts'
import { countOf, sizeOf } from '../../ui/text.tsx'
import { lastOf, type Range, sumOf } from './series.ts'
import styles from './usage.module.css'

/** What there is now, and what happened in the range. */
export function Numbers({
  series,
  range,
}: {
  readonly series: readonly UsagePoint[]
  readonly range: Range
}) {
  const numbers = [
    ['Files now', shown(lastOf(series, 'files'), countOf)],
    ['Stored now', shown(lastOf(series, 'bytes'), sizeOf)],
    [`Created in ${range.label}`, shown(sumOf(series, 'created'), countOf)],
    [`Ended in ${range.label}`, shown(sumOf(series, 'deleted'), countOf)],
    [`Requests in ${range.label}`, shown(sumOf(series, 'requests'), countOf)],
    ['Came in', shown(sumOf(series, 'bytesIn'), sizeOf)],
    ['Went out', shown(sumOf(series, 'bytesOut'), sizeOf)],
  ] as const
  return (
    <dl class={styles.numbers}>
      {numbers.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function shown(value: number | null, show: (value: number) => string): string {
  return value === null ? 'unknown' : show(value)
}
