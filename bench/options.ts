import { parseArgs } from 'node:util'

export interface Options {
  readonly ids: readonly string[]
  /** Instead of those of each match. */
  readonly rounds?: number
  /** Whether all is played as it should be; only then results are written. */
  readonly isWhole: boolean
}

/** Reads `--only <id,id>` and `--rounds <number>`. @throws Error on an id that is none of these */
export function readOptions(ids: readonly string[]): Options {
  const { values } = parseArgs({ options: { only: { type: 'string' }, rounds: { type: 'string' } } })
  const chosen = values.only?.split(',') ?? ids
  const unknown = chosen.filter((id) => !ids.includes(id))
  if (unknown.length > 0) throw new Error(`There is no ${unknown.join(', ')}; there are ${ids.join(', ')}`)
  const isWhole = values.only === undefined && values.rounds === undefined
  return { ids: chosen, isWhole, ...(values.rounds === undefined ? {} : { rounds: Number(values.rounds) }) }
}
