/** Bounds the memory: an entry takes some 500 bytes. */
const MAX_ENTRIES = 1000

/** A request that is over. Holds no keys, links, names or contents. */
export interface JournalEntry {
  /** Counts from 1, also over a reset. */
  readonly seq: number
  /** The time of the emulator when it began, ISO 8601. */
  readonly at: string
  readonly durationMs: number
  readonly requestId: string
  /** `gRPC` for a call. */
  readonly method: string
  /** As declared: `/v1/files/:id`. */
  readonly route: string
  readonly dialect: string | null
  /** Of a call, the name of its code. Null: nothing was answered. */
  readonly status: number | string | null
  /** Whether the whole answer was sent. */
  readonly complete: boolean
  /** The id of the fault that happened to it. */
  readonly fault: string | null
  readonly fileId?: string
  readonly organizationId?: string
}

/** The last requests. */
export class Journal {
  #entries: JournalEntry[] = []
  #last = 0
  #era = 0

  /** For a request that begins. @returns what is told of it once it is over, and then forgotten if a reset came between */
  begin(): (entry: Omit<JournalEntry, 'seq'>) => void {
    const era = this.#era
    return (entry) => {
      if (era === this.#era) this.#add(entry)
    }
  }

  #add(entry: Omit<JournalEntry, 'seq'>): void {
    this.#entries.push({ seq: ++this.#last, ...entry })
    if (this.#entries.length > MAX_ENTRIES) this.#entries.shift()
  }

  /** Those that ended after the one of this number, oldest first, and the number of the last one of all. */
  since(seq: number): { readonly entries: readonly JournalEntry[]; readonly last: number } {
    return { entries: this.#entries.filter((entry) => entry.seq > seq), last: this.#last }
  }

  clear(): void {
    this.#entries = []
  }

  /** Forgets the requests that have begun, too. */
  reset(): void {
    this.clear()
    this.#era++
  }
}
