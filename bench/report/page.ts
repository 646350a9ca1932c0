import { MOST_DELAY_MS, MOST_MEMORY_MIB } from '../loop.ts'
import { peers } from '../peers/peers.ts'
import { barChart, escaped } from './bar-chart.ts'
import type { Figure, MatchResult, Report } from './results.ts'
import { manyConnections } from './table.ts'

const STYLE = `
:root { color-scheme: light dark; --ground: #fff; --ink: #1b1f24; --soft: #5b6570; --rule: #d9dee4;
  --ours: #1766c2; --peer: #aab4bf; --missed: #b3261e; --met: #1a7f43 }
@media (prefers-color-scheme: dark) { :root { --ground: #14181d; --ink: #e6eaee; --soft: #9aa5b1; --rule: #333b44;
  --ours: #58a6ff; --peer: #5d6874; --missed: #ff8a80; --met: #6fce8f } }
body { background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; max-width: 800px;
  margin: 2rem auto; padding: 0 1rem }
h2 { margin: 2.5rem 0 .25rem; font-size: 1.15rem } p { color: var(--soft); margin: .25rem 0 1rem }
svg { width: 100%; height: auto; font-size: 13px } svg text { fill: var(--ink) } svg .number { fill: var(--soft) }
.ours rect { fill: var(--ours) } .peer rect { fill: var(--peer) } .ours text:first-of-type { font-weight: 600 }
.spread { stroke: var(--ink); stroke-width: 1.2; fill: none } .axis { stroke: var(--soft) }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; margin-top: .5rem }
th, td { text-align: left; padding: .3rem .5rem; border-bottom: 1px solid var(--rule); font-weight: normal }
th { color: var(--soft) } td + td, th + th { text-align: right; white-space: nowrap }
td.text { text-align: left; white-space: normal }
.met { color: var(--met) } .missed { color: var(--missed); font-weight: 600 }`

/** All that was measured, as one page without scripts, in the reader's light or dark. */
export function toPage({ date, machine, notes, matches, loop }: Report): string {
  const asked = matches.flatMap((match) =>
    match.figures.filter(({ least }) => least).map((of) => rowOf(match, of, `${match.title}: `)),
  )
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Entrepot beside its peers, ${date}</title><style>${STYLE}</style>
<h1>Entrepot beside its peers</h1>
<p>${escaped([date, machine, ...notes].join('. '))}. Bars are medians over rounds in which all take turns; the thin line spans the quartiles. Entrepot syncs bytes and row before it answers; see docs/performance.md for what each peer promises and what the columns mean.</p>
${asked.length > 0 ? tableOf(asked) : ''}
${loop === undefined ? '' : loopOf(loop)}
${matches.map(sectionOf).join('\n')}
<h2>What an answer promises</h2>
${promises()}
</html>
`
}

function promises(): string {
  const rows = Object.values(peers).map(
    ({ label, durability }) => `<tr><td>${escaped(label)}<td class="text">${escaped(durability)}</tr>`,
  )
  return `<table>${rows.join('\n')}</table>`
}

function sectionOf(match: MatchResult): string {
  const { title, unit, where, connections, measured, figures, missing, othersShare = 0 } = match
  const bars = Object.values(measured).map(({ label, isOurs, rate }) => ({ label, isOurs, value: rate }))
  const per = [
    unit === 'MB/s' ? unit : 'Times a second',
    ...(connections > 0 ? [manyConnections(connections)] : []),
  ]
  const others = Math.round(Math.max(0, othersShare) * 100)
  return `<h2>${escaped(title)}</h2>
<p>${per.join(', ')}, on ${where === 'disk' ? 'a disk' : where}. Other programs took ${others} % of the machine.</p>
${barChart(title, unit === 'MB/s' ? unit : '/s', bars)}
${figures.length > 0 ? tableOf(figures.map((figure) => rowOf(match, figure))) : ''}
${missing.map((reason) => `<p>${escaped(reason)}</p>`).join('')}`
}

function tableOf(rows: readonly string[]): string {
  return `<table><tr><th>what, of what<th>ratio<th>quartiles<th>by CPU<th>at least</tr>\n${rows.join('\n')}</table>`
}

function rowOf({ measured }: MatchResult, { ours, peer, ...of }: Figure, title = ''): string {
  const { ratio, cpuRatio, least, isMet } = of
  const name = `${title}${measured[ours]?.label ?? ours}, of ${measured[peer]?.label ?? peer}`
  const verdict = least === undefined ? '' : ` class="${isMet ? 'met' : 'missed'}"`
  const quartiles = `${ratio.low.toFixed(2)}–${ratio.high.toFixed(2)}`
  const cells = [quartiles, cpuRatio?.toFixed(2) ?? '', least?.toFixed(2) ?? '']
  return `<tr><td>${escaped(name)}<td${verdict}>${ratio.median.toFixed(2)}<td>${cells.join('<td>')}</tr>`
}

function loopOf({ delaysMs, peakMemoryMib }: NonNullable<Report['loop']>): string {
  const delays = delaysMs.map((ms) => ms.toFixed(0)).join(', ')
  return `<h2>40 uploads of 63 MiB at once</h2>
<p>99th percentile of the loop’s delay, by round: ${delays} ms (at most ${MOST_DELAY_MS}). Peak of resident memory: ${peakMemoryMib.toFixed(0)} MiB (at most ${MOST_MEMORY_MIB}).</p>`
}
