/**
 * Measures this server beside its peers, in turns, on one machine:
 *
 *   npm run bench                                    all matches, about five minutes; writes results, charts and a table in docs
 *   npm run bench -- --only small,create --rounds 3  some of them; nothing is written
 *
 * All load comes from one other process, which compares the bytes that it gets; any answer that is no success fails the run.
 * A ratio is the median of the ratios of each round. The exit code is 1 if something failed or a bound is not kept.
 */
import { type LoopResult, measureLoop } from './loop.ts'
import { type Match, matches } from './matches.ts'
import { readOptions } from './options.ts'
import { updateDocs } from './report/docs.ts'
import type { MatchResult } from './report/results.ts'
import { printLoop } from './report/table.ts'
import { writeReport } from './report/write.ts'
import { describeMachine, Session, today } from './session.ts'

const LOOP = 'loop'
const LOOP_ROUNDS = 3

const options = readOptions([...Object.keys(matches), LOOP])

await Session.run(async (session) => {
  const results: MatchResult[] = []
  for (const id of options.ids.filter((id) => id !== LOOP)) {
    const match = matches[id] as Match
    results.push(await session.play(id, match, options.rounds))
  }
  const loop = options.ids.includes(LOOP) ? await playLoop(session) : undefined
  const isMissed = results.some(({ figures }) => figures.some(({ isMet }) => isMet === false))
  if (isMissed || loop?.isMet === false) process.exitCode = 1
  if (!options.isWhole) return
  const { notes } = session
  const report = {
    date: today(),
    machine: describeMachine(),
    notes,
    matches: results,
    ...(loop && { loop }),
  }
  const path = await writeReport(report)
  await updateDocs('results', report, path)
  console.log(`\nWritten: ${path}.json and .html, and docs/performance.md`)
})

async function playLoop(session: Session): Promise<LoopResult> {
  const result = await measureLoop(session, options.rounds ?? LOOP_ROUNDS)
  printLoop(result)
  return result
}
