const ASCII = /^[\u0000-\u007f]*$/
/** ASCII without what other characters stand for: the Greek question mark, U+1FEF and the sign of Kelvin. */
const ONE_SPELLING = /^[^;`K\u0080-\uffff]*$/

/**
 * The one spelling that stands for all canonically equivalent ones: normalization form C of Unicode (UAX #15). Neither case nor
 * compatibility characters are folded.
 */
export function normalForm(name: string): string {
  return name.normalize('NFC')
}

/**
 * In how many ways a name can be spelt, as far as a look-up has to know: in one alone, in others besides this normal form, or
 * it is one of those others.
 */
export type Spelling = 'only' | 'normal' | 'other'

export function spellingOf(name: string): Spelling {
  if (ONE_SPELLING.test(name)) return 'only'
  return normalForm(name) === name ? 'normal' : 'other'
}

/** What is kept beside a name. Null: the name is ASCII, which is its own normal form. */
export function normalNameOf(name: string): string | null {
  return ASCII.test(name) ? null : normalForm(name)
}

export type Normalized<R> = R & { readonly normalName: string | null }

export function withNormalName<R extends { readonly name: string }>(named: R): Normalized<R> {
  return { ...named, normalName: normalNameOf(named.name) }
}
