import type { Setting } from './setting.ts'

/** What variables of `migrate-storage` begin with; what follows is named as the setting that it stands for. */
const TARGET = 'ENTREPOT_TO_'
const OWN = 'ENTREPOT_'
/** What commands for a server read, which people export for all commands. */
const OF_CLIENTS = ['ENTREPOT_URL', 'ENTREPOT_KEY', 'ENTREPOT_PROFILE']
/** As in commander, which suggests the options of commands: at most three typos, and more than 40 % of the name right. */
const MAX_DISTANCE = 3
const MIN_SIMILARITY = 0.4

/** What is wrong with each variable of ours that nothing reads, in one line, with the settings that may have been meant. */
export function unknownSettings(
  variables: readonly string[],
  settings: readonly Setting[],
): readonly string[] {
  const known = settings.map(({ variable }) => variable)
  return variables
    .filter(
      (name) => name.startsWith(OWN) && !name.startsWith('ENTREPOT_TEST_') && !OF_CLIENTS.includes(name),
    )
    .filter((name) => !known.includes(name.slice(OWN.length)))
    .map((name) => refusalOf(name, known))
}

function refusalOf(variable: string, known: readonly string[]): string {
  const prefix = variable.startsWith(TARGET) ? TARGET : OWN
  const meant = similarNames(variable.slice(prefix.length), known).map((name) => prefix + name)
  const question = meant.length > 1 ? `one of ${meant.join(', ')}` : meant.join()
  const sentence = `${variable} is not a setting; entrepot serve --help lists them.`
  return meant.length === 0 ? sentence : `${sentence} Did you mean ${question}?`
}

/** The known names that an unknown one is most likely a misspelling of, in order of the alphabet; none if all are too far. */
function similarNames(unknown: string, known: readonly string[]): readonly string[] {
  const close = known
    .map((name) => ({ name, distance: editDistance(unknown, name) }))
    .filter(({ name, distance }) => {
      const length = Math.max(unknown.length, name.length)
      return distance <= MAX_DISTANCE && (length - distance) / length > MIN_SIMILARITY
    })
  const best = Math.min(...close.map(({ distance }) => distance))
  return close.flatMap(({ name, distance }) => (distance === best ? [name] : [])).sort()
}

/** Insertions, deletions, replacements and swaps of neighbours that make `to` of `from` (optimal string alignment distance). */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const differs = from[i - 1] === to[j - 1] ? 0 : 1
      const costs = [(last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + differs]
      if (from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) costs.push((beforeLast[j - 2] ?? 0) + 1)
      row.push(Math.min(...costs))
    }
    beforeLast = last
    last = row
  }
  return last[to.length] ?? 0
}
