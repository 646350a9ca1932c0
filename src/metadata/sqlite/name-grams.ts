/** Names are found by their runs of so many characters. */
const GRAM_CHARACTERS = 3
/** A longer part is looked for by its beginning; each file found is compared with all of it. */
const MAX_GRAMS = 32
/** The tokenizer `ascii` folds or drops ASCII, so it gets letters from U+0100 on instead. Two characters may then share a token, which finds too many names and never too few. */
const ASCII_SHIFT = 0x100

/**
 * What the index has of a folded name, separated by blanks: its project, every run of three characters, and what is left at its end.
 * So each shorter run, too, is how a token begins.
 */
export function nameTokens(projectId: string, folded: string): string {
  const characters = tokenCharacters(folded)
  return [projectToken(projectId), ...new Set(characters.map((_, at) => gramAt(characters, at)))].join(' ')
}

/**
 * The query of FTS5 that finds the names of a project which may have a folded part in them: all that have it, and some that have its runs
 * elsewhere. Undefined for the empty part.
 */
export function partQuery(projectId: string, folded: string): string | undefined {
  const characters = tokenCharacters(folded)
  if (characters.length === 0) return undefined
  const project = projectToken(projectId)
  if (characters.length < GRAM_CHARACTERS) return `${project} AND "${characters.join('')}" *`
  const whole = characters.slice(GRAM_CHARACTERS - 1).map((_, at) => gramAt(characters, at))
  const grams = [...new Set(whole)].slice(0, MAX_GRAMS).map((gram) => `"${gram}"`)
  return [project, ...grams].join(' AND ')
}

/** Of letters and digits, which no other token has. */
function projectToken(id: string): string {
  return `p${id.toLowerCase().replace(/[^a-z0-9]/g, '')}`
}

function tokenCharacters(folded: string): string[] {
  return [...folded].map((character) => {
    const code = character.charCodeAt(0)
    return code < 0x80 ? String.fromCharCode(code + ASCII_SHIFT) : character
  })
}

function gramAt(characters: readonly string[], at: number): string {
  return characters.slice(at, at + GRAM_CHARACTERS).join('')
}
