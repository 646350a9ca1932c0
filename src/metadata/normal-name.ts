const ASCII = /^[\u0000-\u007f]*$/

/**
 * The one spelling that stands for all canonically equivalent ones: normalization form C of Unicode (UAX #15). Neither case nor
 * compatibility characters are folded.
 */
export function normalForm(name: string): string {
  return name.normalize('NFC')
}

/** What is kept beside a name. Null: the name is ASCII, which is its own normal form. */
export function normalNameOf(name: string): string | null {
  return ASCII.test(name) ? null : normalForm(name)
}

export type Normalized<R> = R & { readonly normalName: string | null }

export function withNormalName<R extends { readonly name: string }>(named: R): Normalized<R> {
  return { ...named, normalName: normalNameOf(named.name) }
}
