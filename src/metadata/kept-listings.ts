/** Beyond so many all are forgotten, which costs a read each. */
const MAX_KEPT = 32

interface Kept {
  readonly visibleAt: number
  /** When the next file ends of those that may be in it. */
  readonly nextEnd: Promise<number>
  readonly found: Promise<unknown>
}

/** The reads of one listing. */
export interface ListingReads<R> {
  readonly find: () => Promise<R>
  /** When the next file of the project ends after `visibleAt`; infinity if none does. */
  readonly findNextEnd: () => Promise<number>
}

/**
 * Listings and totals that were read since anything was committed, by whatever process, for as long as no file of theirs
 * ends. They are shared: nobody may change them.
 */
export class KeptListings {
  readonly #kept = new Map<string, Kept>()
  #version: unknown

  /** @param name the same for the same listing, whatever its `visibleAt` */
  async find<R>(version: unknown, name: string, visibleAt: number, reads: ListingReads<R>): Promise<R> {
    if (version === undefined) return reads.find()
    if (version !== this.#version || this.#kept.size >= MAX_KEPT) this.#kept.clear()
    this.#version = version
    const known = this.#kept.get(name)
    if (known !== undefined && known.visibleAt <= visibleAt && visibleAt < (await known.nextEnd))
      return known.found as Promise<R>
    const found = reads.find()
    const nextEnd = reads.findNextEnd()
    this.#kept.set(name, { visibleAt, nextEnd, found })
    // A failure says nothing about the next attempt.
    Promise.all([found, nextEnd]).catch(() => this.#kept.delete(name))
    return found
  }
}
