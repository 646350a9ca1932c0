import { effect, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { theme } from '../../theme.ts'
import { axisText } from './axis-text.ts'
import styles from './plot.module.css'
import type { PlotData } from './series.ts'

export interface PlotLine {
  readonly label: string
  /** A colour of `tokens.css`, by its name. */
  readonly color: string
}

export interface PlotProps {
  readonly title: string
  readonly lines: readonly PlotLine[]
  readonly data: PlotData
  /** How a value is written. */
  readonly show: (value: number) => string
  /** How a time of the axis is written, from seconds. */
  readonly showTime: (seconds: number) => string
  /** Bars are for what happened in a step, lines for what was there at its end. */
  readonly isBars?: boolean
  /** What it shows in words, for those who do not see it. */
  readonly summary: string
}

const HEIGHT_PX = 150
const AXIS_PX = { x: 28, y: 64 }
/** The widest time: `29 Apr, 00:00`. */
const LABEL_PX = 84
/** Plots under each other show one time under the pointer. */
const CURSORS = 'usage'

/** A plot, and below it the values under the pointer. Its numbers are in a table besides. */
export function Plot(props: PlotProps) {
  const { title, lines, data, show, showTime, summary } = props
  const holder = useRef<HTMLDivElement>(null)
  const at = useSignal<number | null>(null)
  const latest = useRef(props)
  latest.current = props
  const drawn = useRef<UPlot>(undefined)
  useEffect(() => {
    const element = holder.current
    if (element === null) return
    const draw = () => {
      drawn.current?.destroy()
      drawn.current = new UPlot(
        optionsOf(latest.current, element, at),
        latest.current.data as UPlot.AlignedData,
        element,
      )
    }
    // A canvas knows nothing of custom properties: another theme is another drawing.
    const stop = effect(() => {
      theme.value
      queueMicrotask(draw)
    })
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', draw)
    const resize = new ResizeObserver(() =>
      drawn.current?.setSize({ width: element.clientWidth, height: HEIGHT_PX }),
    )
    resize.observe(element)
    return () => {
      stop()
      dark.removeEventListener('change', draw)
      resize.disconnect()
      drawn.current?.destroy()
      drawn.current = undefined
    }
  }, [at])
  useEffect(() => drawn.current?.setData(data as UPlot.AlignedData), [data])
  const index = at.value ?? data[0].length - 1
  const seconds = data[0][index]
  return (
    <figure class={styles.figure}>
      <figcaption class={styles.caption}>
        <h2 class={styles.title}>{title}</h2>
        <span class={styles.values} aria-hidden="true">
          {seconds !== undefined && <span>{showTime(seconds)}</span>}
          {lines.map(({ label, color }, line) => {
            const value = data[line + 1]?.[index]
            return (
              <span key={label} class={styles.value}>
                <span class={styles.mark} style={{ background: `var(--${color})` }} />
                {lines.length > 1 && `${label} `}
                {value == null ? 'unknown' : show(value)}
              </span>
            )
          })}
        </span>
      </figcaption>
      <div ref={holder} class={styles.plot} role="img" aria-label={summary} />
    </figure>
  )
}

function optionsOf(
  { lines, show, showTime, isBars = false }: PlotProps,
  element: HTMLElement,
  at: { value: number | null },
): UPlot.Options {
  const color = (name: string) => getComputedStyle(element).getPropertyValue(`--${name}`).trim()
  const colorOf = resolver(element)
  const axis = {
    stroke: colorOf(color('soft')),
    font: `12px ${getComputedStyle(element).fontFamily}`,
    grid: { stroke: colorOf(color('line')), width: 1 },
    ticks: { show: false },
  }
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    // Half of a time, which stands below the middle of its tick.
    padding: [null, LABEL_PX / 2, null, null],
    cursor: { sync: { key: CURSORS }, drag: { x: false, y: false }, points: { size: 7 } },
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(max * 1.1, 1)] } },
    axes: [
      { ...axis, values: (_plot, times) => times.map(showTime), space: 90, size: AXIS_PX.x },
      {
        ...axis,
        values: (_plot, values) => values.map((value) => axisText(value, show)),
        size: AXIS_PX.y,
      },
    ],
    series: [{}, ...lines.map((line) => seriesOf(line, colorOf(color(line.color)), isBars))],
    hooks: {
      setCursor: [
        ({ cursor }) => {
          at.value = cursor.idx ?? null
        },
      ],
    },
  }
}

function seriesOf({ label }: PlotLine, color: string, isBars: boolean): UPlot.Series {
  const line = { label, stroke: color, points: { show: false }, spanGaps: false }
  const paths = isBars ? UPlot.paths.bars?.({ size: [0.7, 40] }) : undefined
  return paths ? { ...line, fill: color, width: 0, paths } : { ...line, width: 1.5 }
}

/** Colours as a canvas knows them: `light-dark()` is resolved where it is used, and not in the value of a property. */
function resolver(element: HTMLElement): (value: string) => string {
  return (value) => {
    const before = element.style.color
    element.style.color = value
    const { color } = getComputedStyle(element)
    element.style.color = before
    return color
  }
}
