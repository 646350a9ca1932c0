import type { Spread } from './statistics.ts'

export interface Bar {
  readonly label: string
  readonly value: Spread
  readonly isOurs: boolean
}

const WIDTH = 760
const LABEL_WIDTH = 260
/** Kept free for the number behind the longest bar. */
const NUMBER_WIDTH = 110
const BAR_HEIGHT = 18
const ROW_HEIGHT = 30

/**
 * Horizontal bars from zero to the median, each with a line between its quartiles. Colours are variables of the page:
 * `--ours`, `--peer`, `--ink`, `--soft`.
 */
export function barChart(title: string, unit: string, bars: readonly Bar[]): string {
  const longest = Math.max(...bars.map(({ value }) => Math.max(value.median, value.high)))
  const toWidth = (value: number) => (value / longest) * (WIDTH - LABEL_WIDTH - NUMBER_WIDTH)
  const rows = bars.map((bar, row) => barOf(bar, row * ROW_HEIGHT, unit, toWidth))
  const height = bars.length * ROW_HEIGHT
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">
${rows.join('\n')}
<line class="axis" x1="${LABEL_WIDTH}" x2="${LABEL_WIDTH}" y1="0" y2="${height}"/>
</svg>`
}

function barOf(
  { label, value, isOurs }: Bar,
  top: number,
  unit: string,
  toWidth: (value: number) => number,
): string {
  const middle = top + ROW_HEIGHT / 2
  const [low, high] = [LABEL_WIDTH + toWidth(value.low), LABEL_WIDTH + toWidth(value.high)]
  const width = toWidth(value.median)
  const numberAt = Math.max(LABEL_WIDTH + width, high) + 8
  const kind = isOurs ? 'ours' : 'peer'
  return `<g class="${kind}">
<text x="${LABEL_WIDTH - 10}" y="${middle + 4}" text-anchor="end">${escaped(label)}</text>
<rect x="${LABEL_WIDTH}" y="${middle - BAR_HEIGHT / 2}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>
<path class="spread" d="M${low.toFixed(1)} ${middle}H${high.toFixed(1)}M${low.toFixed(1)} ${middle - 4}v8M${high.toFixed(1)} ${middle - 4}v8"/>
<text class="number" x="${numberAt.toFixed(1)}" y="${middle + 4}">${toShort(value.median)} ${escaped(unit)}</text>
</g>`
}

/** Three digits. */
export function toShort(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 3 })
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
