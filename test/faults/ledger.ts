import { type FileHandle, open } from 'node:fs/promises'
import type { CreatedBody } from './api-client.ts'
import type { Arrival } from './arrivals.ts'

/** Bytes that were sent for a file, and whether the server said that it has them. */
export interface SentBytes {
  readonly sha256: string
  readonly md5: string
  acknowledged: boolean
}

export type FinalStatus = 'COMPLETED' | 'CANCELLED'

/** All that a client knows about one file: what it sent, and what it was told. */
export interface LedgerEntry {
  /** Unique in the whole run: this is how files whose create was never answered are recognized. */
  readonly filename: string
  readonly mimeType: string
  readonly sizeBytes: number
  readonly idempotencyKey: string | undefined
  readonly sent: SentBytes[]
  /** The whole answer to the create. */
  createdText: string | undefined
  created: CreatedBody | undefined
  /** Acknowledged, or seen after a restart: either way it must never change again. */
  final: FinalStatus | undefined
  triedToComplete: boolean
  triedToCancel: boolean
}

/**
 * What was acknowledged, in memory and in a file outside the server's data folder; the file is synced before anything
 * else happens, so that it tells the truth whatever dies.
 */
export class Ledger {
  readonly entries: LedgerEntry[] = []
  readonly arrivals: Arrival[] = []
  /** Answers that were recorded. */
  records = 0
  readonly #file: FileHandle
  #pending: string[] = []
  #sync: Promise<void> = Promise.resolve()

  private constructor(file: FileHandle) {
    this.#file = file
  }

  static async open(path: string): Promise<Ledger> {
    return new Ledger(await open(path, 'ax', 0o600))
  }

  add(file: Pick<LedgerEntry, 'filename' | 'mimeType' | 'sizeBytes' | 'idempotencyKey'>): LedgerEntry {
    const entry = {
      ...file,
      sent: [],
      createdText: undefined,
      created: undefined,
      final: undefined,
      triedToComplete: false,
      triedToCancel: false,
    }
    this.entries.push(entry)
    return entry
  }

  /** Records a whole answer, durably. */
  async acknowledge(
    { filename, created }: LedgerEntry,
    event: string,
    details: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    await this.record(event, { id: created?.id, filename, ...details })
  }

  /** Durably; what comes at once shares a sync. */
  async record(event: string, details: Readonly<Record<string, unknown>>): Promise<void> {
    this.records++
    this.#pending.push(`${JSON.stringify({ event, ...details })}\n`)
    const turn = this.#sync.then(() => this.#flush())
    this.#sync = turn
    await turn
  }

  async #flush(): Promise<void> {
    if (this.#pending.length === 0) return
    const lines = this.#pending.join('')
    this.#pending = []
    await this.#file.appendFile(lines)
    await this.#file.datasync()
  }

  async close(): Promise<void> {
    await this.#sync
    await this.#file.close()
  }
}

/** Whether a file may be seen in this state. */
export function mayBe(entry: LedgerEntry, status: string): boolean {
  if (entry.final !== undefined) return status === entry.final
  if (status === 'COMPLETED') return entry.triedToComplete && entry.sent.length > 0
  if (status === 'CANCELLED') return entry.triedToCancel
  return status === 'PENDING'
}

/** The SHA-256 of each content that the file may have: the last acknowledged one, or any that was sent after it. */
export function possibleContents({ sent }: LedgerEntry): readonly string[] {
  const last = sent.findLastIndex(({ acknowledged }) => acknowledged)
  return sent.slice(Math.max(0, last)).map(({ sha256 }) => sha256)
}
