/** Numbers that a seed determines, so that a failing run can be played again (mulberry32). */
export class SeededRandom {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from `first` to `last`, both included. */
  between(first: number, last: number): number {
    return first + Math.floor(this.next() * (last - first + 1))
  }

  /** A whole number from 0 to `limit`, the limit excluded. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  /** True in this share of all calls. */
  chance(share: number): boolean {
    return this.next() < share
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('nothing to pick from')
    return items[this.between(0, items.length - 1)] as T
  }

  /** Fewer than `limit` of what `make` makes. */
  many<T>(limit: number, make: () => T): T[] {
    return Array.from({ length: this.below(limit) }, make)
  }

  /** From 1 to `limit` characters. */
  text(characters: string, limit: number): string {
    const choices = [...characters]
    return Array.from({ length: 1 + this.below(limit) }, () => this.pick(choices)).join('')
  }

  bytes(length: number): Buffer {
    const words = new Uint32Array(Math.ceil(length / 4))
    for (let i = 0; i < words.length; i++) words[i] = this.next() * 2 ** 32
    return Buffer.from(words.buffer, 0, length)
  }

  /** Another generator, determined by this one. */
  fork(): SeededRandom {
    return new SeededRandom(this.between(0, 2 ** 32 - 1))
  }
}
