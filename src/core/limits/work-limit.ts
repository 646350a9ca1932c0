import { ServiceError } from '../errors.ts'
import { spreadRetry } from './retry-queue.ts'

const LEAST_RETRY_SECONDS = 5

export interface WorkLimitOptions {
  /** Of one organization, on this server. */
  readonly maxAtOnce: number
  /** What the caller of one more is told. */
  readonly refusal: string
}

/** Bounds work that goes on for long after its request has come: how much of it each organization has under way at once. */
export class WorkLimit {
  readonly #options: WorkLimitOptions
  readonly #running = new Map<string, number>()

  constructor(options: WorkLimitOptions) {
    this.#options = options
  }

  /** @throws ServiceError `rate-limited` if the organization has as much under way as it may; what `work` throws */
  async run<T>(organizationId: string, work: () => Promise<T>): Promise<T> {
    const { maxAtOnce, refusal } = this.#options
    const running = this.#running.get(organizationId) ?? 0
    if (running >= maxAtOnce)
      throw new ServiceError('rate-limited', refusal, { retryAfterSeconds: spreadRetry(LEAST_RETRY_SECONDS) })
    this.#running.set(organizationId, running + 1)
    try {
      return await work()
    } finally {
      const rest = (this.#running.get(organizationId) ?? 1) - 1
      if (rest > 0) this.#running.set(organizationId, rest)
      else this.#running.delete(organizationId)
    }
  }
}
