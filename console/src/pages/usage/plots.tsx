import { useMemo } from 'preact/hooks'
import type { UsagePoint } from '../../api/operating.ts'
import { countOf, sizeOf } from '../../ui/text.tsx'
import { Plot, type PlotLine } from './plot.tsx'
import { columnsOf, lastOf, type Measure, type Range, sumOf } from './series.ts'

interface PlotKind {
  readonly title: string
  readonly lines: readonly (PlotLine & { readonly measure: Measure })[]
  readonly show: (value: number) => string
  readonly isBars?: boolean
}

const PLOTS: readonly PlotKind[] = [
  { title: 'Files', lines: [{ label: 'Files', color: 'accent', measure: 'files' }], show: countOf },
  { title: 'Stored', lines: [{ label: 'Stored', color: 'good', measure: 'bytes' }], show: sizeOf },
  {
    title: 'Requests',
    lines: [{ label: 'Requests', color: 'accent', measure: 'requests' }],
    show: countOf,
    isBars: true,
  },
  {
    title: 'Traffic',
    lines: [
      { label: 'in', color: 'brand', measure: 'bytesIn' },
      { label: 'out', color: 'accent', measure: 'bytesOut' },
    ],
    show: sizeOf,
  },
]

const hours = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const daysAndHours = new Intl.DateTimeFormat(undefined, {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
})
/** Days are those of UTC. */
const days = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', timeZone: 'UTC' })

/** How a time of the range is written, from seconds. */
export function timesOf({ name, step }: Range): (seconds: number) => string {
  const format = step === 'day' ? days : name === '24h' ? hours : daysAndHours
  return (seconds) => format.format(seconds * 1000)
}

export function Plots({ series, range }: { readonly series: readonly UsagePoint[]; readonly range: Range }) {
  return PLOTS.map((kind) => (
    <OnePlot key={`${kind.title} ${range.name}`} kind={kind} series={series} range={range} />
  ))
}

function OnePlot({
  kind: { title, lines, show, isBars = false },
  series,
  range,
}: {
  readonly kind: PlotKind
  readonly series: readonly UsagePoint[]
  readonly range: Range
}) {
  const data = useMemo(
    () =>
      columnsOf(
        series,
        lines.map(({ measure }) => measure),
      ),
    [series, lines],
  )
  const said = lines.map(({ label, measure }) => {
    const held = measure === 'files' || measure === 'bytes'
    const value = held ? lastOf(series, measure) : sumOf(series, measure)
    const what = held ? 'now' : `in ${range.label}`
    return `${label} ${value === null ? 'unknown' : show(value)} ${what}`
  })
  return (
    <Plot
      title={title}
      lines={lines}
      data={data}
      show={show}
      showTime={timesOf(range)}
      isBars={isBars}
      summary={`${title} over ${range.label}: ${said.join(', ')}. The table below has every number.`}
    />
  )
}
