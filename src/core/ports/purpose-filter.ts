/** Files whose purpose fits one of the terms, or any if there is none. */
export interface PurposeFilter {
  readonly anyOf: readonly PurposeTerm[]
}

/**
 * - `in`: the purpose is one of these;
 * - `notIn`: there is a purpose, and it is none of these;
 * - `none`: there is none; if told, the name ends so, or does not end so. Names are compared without the case of ASCII letters.
 */
export type PurposeTerm =
  | { readonly in: readonly string[] }
  | { readonly notIn: readonly string[] }
  | { readonly none: true; readonly nameEndsWith?: string; readonly nameEndsNotWith?: string }
