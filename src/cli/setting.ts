/** A setting as the command line shows it. What it may be, and its default, is decided by `config.ts`. */
export interface Setting {
  /** Without `ENTREPOT_`; the flag is the same in lower case with hyphens. */
  readonly variable: string
  readonly value: string
  /** The default in words, where `config.ts` has no fixed one. Left out: the fixed one, or none. */
  readonly fallback?: string
  readonly meaning: string
}
