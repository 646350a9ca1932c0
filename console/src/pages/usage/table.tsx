import { useSignal } from '@preact/signals'
import type { UsagePoint } from '../../api/operating.ts'
import { type Column, Table } from '../../ui/table.tsx'
import { countOf, sizeOf } from '../../ui/text.tsx'
import { timesOf } from './plots.tsx'
import type { Measure, Range } from './series.ts'
import styles from './usage.module.css'

const MEASURES: readonly (readonly [string, Measure, (value: number) => string])[] = [
  ['Files', 'files', countOf],
  ['Stored', 'bytes', sizeOf],
  ['Created', 'created', countOf],
  ['Ended', 'deleted', countOf],
  ['Requests', 'requests', countOf],
  ['In', 'bytesIn', sizeOf],
  ['Out', 'bytesOut', sizeOf],
]

/** Every number of the plots, the newest first; made when it is opened. */
export function UsageTable({
  series,
  range,
}: {
  readonly series: readonly UsagePoint[]
  readonly range: Range
}) {
  const isOpen = useSignal(false)
  const timeOf = timesOf(range)
  const columns: readonly Column<UsagePoint>[] = [
    {
      name: range.step === 'day' ? 'Day (UTC)' : 'Hour',
      cell: ({ at }) => <time dateTime={at}>{timeOf(Date.parse(at) / 1000)}</time>,
    },
    ...MEASURES.map(
      ([name, measure, show], place): Column<UsagePoint> => ({
        name,
        isNumber: true,
        isMinor: place === 2 || place === 3,
        cell: (point) => {
          const value = point[measure]
          return value === null ? 'unknown' : show(value)
        },
      }),
    ),
  ]
  return (
    <details
      class={styles.details}
      onToggle={({ currentTarget }) => {
        isOpen.value = currentTarget.open
      }}
    >
      <summary>As a table</summary>
      {isOpen.value && (
        <Table label="Usage over time" columns={columns} rows={series.toReversed()} keyOf={({ at }) => at} />
      )}
    </details>
  )
}
