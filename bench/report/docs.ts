import { readFile, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { type LoopResult, MOST_DELAY_MS, MOST_MEMORY_MIB } from '../loop.ts'
import { toShort } from './bar-chart.ts'
import type { MatchResult, Report } from './results.ts'

const PAGE = new URL('../../docs/performance.md', import.meta.url)

/**
 * Replaces what stands in docs/performance.md between the comments `section` and `end of section`.
 * @param path of the written results but for the extension
 */
export async function updateDocs(section: 'results' | 'growth', report: Report, path: string): Promise<void> {
  const text = await readFile(PAGE, 'utf8')
  const place = new RegExp(`(<!-- ${section} -->\\n)[^]*(\\n<!-- end of ${section} -->)`)
  if (!place.test(text)) throw new Error(`docs/performance.md has no place for ${section}`)
  const { date, machine, notes, matches, loop } = report
  const link = `[bench/results/${basename(path)}.html](../bench/results/${basename(path)}.html)`
  const intro = [
    `${[date, machine, ...notes].join('. ')}. All of it: ${link}.`,
    ...(loop ? [loopLine(loop)] : []),
  ]
  const table = section === 'results' ? ratioTable(matches) : rateTable(matches)
  await writeFile(
    PAGE,
    text.replace(place, (_all, start, end) => `${start}${[...intro, table].join('\n\n')}${end}`),
  )
}

function loopLine({ delaysMs, peakMemoryMib }: LoopResult): string {
  const delays = delaysMs.map((ms) => ms.toFixed(0)).join(', ')
  return `40 uploads of 63 MiB at once: the 99th percentile of the loop's delay is ${delays} ms by round (at most ${MOST_DELAY_MS}), and resident memory has a peak of ${peakMemoryMib.toFixed(0)} MiB (at most ${MOST_MEMORY_MIB}).`
}

function ratioTable(matches: readonly MatchResult[]): string {
  const rows = matches.flatMap(({ title, measured, figures }) =>
    figures.map(({ ours, peer, ratio, cpuRatio, least }) => {
      const spread = `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)}–${ratio.high.toFixed(2)})`
      const names = [measured[ours]?.label ?? ours, measured[peer]?.label ?? peer]
      return [title, ...names, spread, cpuRatio?.toFixed(2) ?? '', least?.toFixed(2) ?? '']
    }),
  )
  return markdown([['', 'ours', 'of', 'ratio (quartiles)', 'by CPU', 'at least'], ...rows])
}

function rateTable(matches: readonly MatchResult[]): string {
  const rows = matches.flatMap(({ title, unit, measured }) =>
    Object.values(measured).map(({ label, rate, cpuMicroseconds }) => {
      const spread = `${toShort(rate.median)} ${unit} (${toShort(rate.low)}–${toShort(rate.high)})`
      return [title, label, spread, cpuMicroseconds === undefined ? '' : toShort(cpuMicroseconds.median)]
    }),
  )
  return markdown([['', '', 'median (quartiles)', 'µs of CPU each'], ...rows])
}

function markdown([head = [], ...rows]: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
