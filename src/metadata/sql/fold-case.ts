import { normalForm } from './normal-name.ts'

/*
 * How names are compared with a part of one. Without the builder of queries, which the thread that writes to SQLite would load,
 * too: three quarters of its start.
 */

/** The name of `foldedContains` in SQLite, which every reading connection defines. */
export const FOLDED_CONTAINS = 'folded_contains'

/** The name of a function in SQLite that scans define: whether to look at the row of this number. */
export const IS_WORTH_A_LOOK = 'is_worth_a_look'

export function foldedContains(name: unknown, part: unknown): number {
  return Number(foldCase(String(name)).includes(String(part)))
}

/** The small letter that Σ becomes at the end of a word, so that a part of a name would get another one than the name has. */
export const FINAL_SIGMA = 'ς'
export const SIGMA = 'σ'

/** The normal form in lower case. */
export function foldCase(text: string): string {
  return normalForm(text).toLowerCase().replaceAll(FINAL_SIGMA, SIGMA)
}
