import { ServiceError } from '../errors.ts'
import { spreadRetry } from '../limits/retry-queue.ts'

/** A request or a call that is over, as it may be shown: nothing of its address but the declared route, no name, no key. */
export interface FinishedRequest {
  /** When it began, in milliseconds since the epoch. */
  readonly at: number
  readonly requestId: string
  /** `gRPC` for a call. */
  readonly method: string
  /** As declared: `/v1/files/:id`; `none` for an unknown address. */
  readonly route: string
  /** Null: no API's own. */
  readonly dialect: string | null
  /** Of a call, the name of its code. Null: the client left before there was an answer. */
  readonly status: number | string | null
  /** Why it failed, if it did. */
  readonly code: string | null
  /** Whether all of the answer was sent. */
  readonly isComplete: boolean
  readonly durationMs: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly fileId: string | null
  readonly keyId: string | null
  /** Null: nobody was recognized. */
  readonly organizationId: string | null
}

export interface TailOptions {
  /** On this server. */
  readonly maxWatchers: number
  /** Of one organization. */
  readonly maxOfOrganization: number
  /** What waits for one watcher; beyond it, requests are dropped and counted. */
  readonly maxWaiting: number
}

export const defaultTailOptions: TailOptions = { maxWatchers: 32, maxOfOrganization: 8, maxWaiting: 500 }

const LEAST_RETRY_SECONDS = 5

/** Tells watchers of the requests that end on this server. Costs nothing while there are none. */
export class RequestTail {
  readonly #options: TailOptions
  readonly #watches = new Set<Watch>()

  constructor(options = defaultTailOptions) {
    this.#options = options
  }

  get isWatched(): boolean {
    return this.#watches.size > 0
  }

  tell(request: FinishedRequest): void {
    for (const watch of this.#watches) watch.offer(request)
  }

  /**
   * @param by the organization of the watcher
   * @param of whose requests; undefined: everybody's
   * @param onWaiting called when something waits of which nothing did
   * @throws ServiceError `rate-limited` if there are as many watchers as there may be
   */
  watch(by: string, of: string | undefined, onWaiting: () => void): Watch {
    const { maxWatchers, maxOfOrganization, maxWaiting } = this.#options
    const ofOrganization = [...this.#watches].filter((watch) => watch.by === by).length
    if (this.#watches.size >= maxWatchers || ofOrganization >= maxOfOrganization)
      throw new ServiceError('rate-limited', 'As many watch already as may at a time.', {
        retryAfterSeconds: spreadRetry(LEAST_RETRY_SECONDS),
      })
    const watch = new Watch({ by, of, maxWaiting, onWaiting, onEnd: () => this.#watches.delete(watch) })
    this.#watches.add(watch)
    return watch
  }
}

interface WatchOptions {
  readonly by: string
  readonly of: string | undefined
  readonly maxWaiting: number
  readonly onWaiting: () => void
  readonly onEnd: () => void
}

/** What waits for one watcher. */
export class Watch {
  readonly #options: WatchOptions
  #waiting: FinishedRequest[] = []
  #dropped = 0

  constructor(options: WatchOptions) {
    this.#options = options
  }

  get by(): string {
    return this.#options.by
  }

  offer(request: FinishedRequest): void {
    const { of, maxWaiting, onWaiting } = this.#options
    if (of !== undefined && request.organizationId !== of) return
    if (this.#waiting.length >= maxWaiting) {
      this.#dropped++
      return
    }
    if (this.#waiting.push(request) === 1) onWaiting()
  }

  /** What waits, oldest first, and how many came after it for which there was no room. */
  take(): { readonly requests: readonly FinishedRequest[]; readonly dropped: number } {
    const taken = { requests: this.#waiting, dropped: this.#dropped }
    this.#waiting = []
    this.#dropped = 0
    return taken
  }

  end(): void {
    this.#options.onEnd()
  }
}
