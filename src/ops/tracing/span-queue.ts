import timers from 'node:timers/promises'
import type { Span } from './span.ts'

/** Spans that wait: some megabytes. */
const MAX_WAITING = 4096
const MAX_BATCH = 512
const FLUSH_MS = 5000
const SEND_MS = 10_000
/** A collector that is away for a moment loses nothing. */
const ATTEMPTS = 3
/** For how long a stop waits for the last spans. */
const CLOSE_MS = 2000
/** For how long a collector may put us off. */
const MAX_PAUSE_MS = 30_000

/** Sends a batch. @throws RetriableFailure if it may be taken later, Error if never */
export type SendSpans = (spans: readonly Span[], signal: AbortSignal) => Promise<void>

export class RetriableFailure extends Error {
  override readonly name = 'RetriableFailure'
  /** Before it nobody wants to be asked again. */
  readonly afterMs: number

  constructor(message: string, afterMs = 0) {
    super(message)
    this.afterMs = afterMs
  }
}

export interface QueueEvents {
  readonly sent: (spans: number) => void
  /** Of spans that are lost: why, in words without anything of the request. */
  readonly lost: (spans: number, reason: string) => void
}

/**
 * Spans on their way to a collector, one batch at a time. Whoever adds one never waits; what finds no room is lost. So a
 * collector that is away, slow or hangs costs a bounded piece of memory, and nothing else.
 */
export class SpanQueue {
  readonly #send: SendSpans
  readonly #events: QueueEvents
  readonly #closing = new AbortController()
  #waiting: Span[] = []
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined

  constructor(send: SendSpans, events: QueueEvents) {
    this.#send = send
    this.#events = events
  }

  add(span: Span): void {
    if (this.#closing.signal.aborted || this.#waiting.length >= MAX_WAITING) {
      this.#events.lost(1, 'too many wait')
      return
    }
    this.#waiting.push(span)
    if (this.#waiting.length >= MAX_BATCH) this.#flush()
    else this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref()
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined
    })
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, MAX_BATCH)
      this.#waiting = this.#waiting.slice(MAX_BATCH)
      await this.#sendBatch(batch)
    }
  }

  async #sendBatch(batch: readonly Span[]): Promise<void> {
    const { signal } = this.#closing
    for (let attempt = 1; ; attempt++) {
      try {
        signal.throwIfAborted()
        await this.#send(batch, AbortSignal.any([signal, AbortSignal.timeout(SEND_MS)]))
        return this.#events.sent(batch.length)
      } catch (error) {
        const isLast = attempt === ATTEMPTS || !(error instanceof RetriableFailure) || signal.aborted
        if (isLast) return this.#events.lost(batch.length, (error as Error).message)
        const randomMs = Math.ceil(2 ** attempt * 1000 * Math.random())
        const pauseMs = Math.max(randomMs, Math.min(error.afterMs, MAX_PAUSE_MS))
        await timers.setTimeout(pauseMs, undefined, { signal, ref: false }).catch(() => {})
      }
    }
  }

  /** Sends what waits, and gives it up after two seconds. */
  async close(): Promise<void> {
    this.#flush()
    const limit = setTimeout(() => this.#closing.abort(), CLOSE_MS)
    await this.#sending
    clearTimeout(limit)
    this.#closing.abort()
  }
}
