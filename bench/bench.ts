/**
 * Measures this server beside its peers, in turns, on one machine:
 *
 *   npm run bench                                    all matches, about five minutes; results and charts are written
 *   npm run bench -- --only small,create --rounds 3  some of them; nothing is written
 *
 * All load comes from one other process, which compares the bytes that it gets; any answer that is no success fails the run.
 * A ratio is the median of the ratios of each round. The exit code is 1 if something failed or a least ratio is not reached.
 */
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { Generator } from './load/generator.ts'
import { measureLoop } from './loop.ts'
import { matches } from './matches.ts'
import { Places } from './places.ts'
import { Players } from './play.ts'
import { type MatchResult, resultOf } from './report/results.ts'
import { printLoop, printMatch } from './report/table.ts'

const { values: options } = parseArgs({
  options: { only: { type: 'string' }, rounds: { type: 'string' } },
})
const all = [...Object.keys(matches), 'loop']
const ids = options.only?.split(',') ?? all
const unknown = ids.filter((id) => !all.includes(id))
if (unknown.length > 0) throw new Error(`There is no ${unknown.join(', ')}; there are ${all.join(', ')}`)

const generator = new Generator()
const places = await Places.open()
const players = new Players(generator, places)
try {
  const { node, sqlite } = process.versions
  console.log(`${cpus()[0]?.model}, ${availableParallelism()} cores, Node ${node}, SQLite ${sqlite}`)
  if (!places.hasTmpfs) console.log('No room in /dev/shm: what should be in memory is on the disk')
  for (const id of ids.filter((id) => id !== 'loop')) {
    const result = await play(id)
    printMatch(result)
    if (result.figures.some(({ isMet }) => isMet === false)) process.exitCode = 1
  }
  if (ids.includes('loop')) {
    const result = await measureLoop(generator, places, Number(options.rounds ?? 3))
    printLoop(result)
    if (!result.isMet) process.exitCode = 1
  }
} finally {
  generator.end()
  await players.end()
  await places.remove()
}

async function play(id: string): Promise<MatchResult> {
  const match = matches[id]
  if (match === undefined) throw new Error(id)
  const rounds = Number(options.rounds ?? match.rounds)
  return resultOf(id, match, await players.play({ ...match, rounds }))
}
