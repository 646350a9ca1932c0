/** A page of a listing. */
export interface Listed<T> {
  readonly items: readonly T[]
  /** Whether there is more behind them. */
  readonly hasMore: boolean
  /** The last of them, behind which the next page begins. */
  readonly end: T | undefined
}

/** @param found one more than the limit, if there are more */
export function listed<T>(found: readonly T[], limit: number): Listed<T> {
  const items = found.slice(0, limit)
  return { items, hasMore: found.length > limit, end: items.at(-1) }
}
