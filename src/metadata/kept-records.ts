/** Beyond it all are forgotten, which costs a look-up each. */
const MAX_KEPT = 4096

/** Records that were found since anything was committed, by whatever process. They are shared: nobody may change them. */
export class KeptRecords<R> {
  readonly #found = new Map<string, Promise<R>>()
  #version: unknown

  /** What `find` gave for this name in the same version of the database, or gives now. */
  find(version: unknown, name: string, find: () => Promise<R>): Promise<R> {
    if (version === undefined) return find()
    if (version !== this.#version || this.#found.size === MAX_KEPT) this.#found.clear()
    this.#version = version
    const known = this.#found.get(name)
    if (known !== undefined) return known
    const found = find()
    this.#found.set(name, found)
    // A failure says nothing about the next attempt.
    found.catch(() => this.#found.delete(name))
    return found
  }
}
