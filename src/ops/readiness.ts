import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { isStoreError } from '../core/errors.ts'
import { SECOND_MS } from '../core/ports/clock.ts'
import type { Services } from '../core/services.ts'

const CHECK_TIMEOUT_MS = 5 * SECOND_MS
/** Anybody may ask, and a check costs a write to disk or bucket. */
const GOOD_STANDS_MS = 5 * SECOND_MS
const BAD_STANDS_MS = SECOND_MS

export interface ReadinessOptions {
  readonly services: Pick<Services, 'metadata' | 'blobs'>
  readonly isStopping: () => boolean
  /** Told when the state changes, and why. */
  readonly logger: Pick<FastifyBaseLogger, 'info' | 'warn'>
  /** Milliseconds that only ever grow. */
  readonly now?: () => number
}

/** Whether the server can do its work. All who ask at once share one check, and its result stands for some seconds. */
export class Readiness {
  readonly #options: ReadinessOptions
  readonly #now: () => number
  #problems: readonly string[] = []
  #standsUntil = Number.NEGATIVE_INFINITY
  #checking: Promise<void> | undefined

  constructor(options: ReadinessOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  /** What keeps the server from its work, in words for the operator; empty: nothing. A stop is told at once. */
  async findProblems(): Promise<readonly string[]> {
    if (this.#now() >= this.#standsUntil && !this.#options.isStopping()) {
      this.#checking ??= this.#check().finally(() => {
        this.#checking = undefined
      })
      await this.#checking
    }
    return this.#options.isStopping() ? ['stopping'] : this.#problems
  }

  async #check(): Promise<void> {
    const { services, logger } = this.#options
    const checks = { database: services.metadata.check(), blobs: services.blobs.check() }
    const found = Object.entries(checks).map(([name, check]) => this.#problemOf(name, check))
    const problems = (await Promise.all(found)).filter((problem) => problem !== undefined)
    if (problems.length === 0 && this.#problems.length > 0) logger.info('ready again')
    this.#problems = problems
    this.#standsUntil = this.#now() + (problems.length === 0 ? GOOD_STANDS_MS : BAD_STANDS_MS)
  }

  async #problemOf(name: string, check: Promise<void>): Promise<string | undefined> {
    const problem = `${name} does not answer`
    try {
      await withTimeout(check)
      return undefined
    } catch (err) {
      // What is full still reads and deletes, and deletes are what makes room.
      if (isStoreError(err, 'full')) return undefined
      if (!this.#problems.includes(problem)) this.#options.logger.warn({ err, problem }, 'not ready')
      return problem
    }
  }
}

async function withTimeout(check: Promise<void>): Promise<void> {
  const timedOut = Promise.withResolvers<never>()
  const timer = setTimeout(() => timedOut.reject(new Error('timed out')), CHECK_TIMEOUT_MS)
  await Promise.race([check, timedOut.promise]).finally(() => clearTimeout(timer))
}

/** `GET /healthz`: the process lives. `GET /readyz`: database and blob store answer, and no stop is under way. */
export function addHealthRoutes(server: FastifyInstance, readiness: Readiness): void {
  const config = { access: 'public' } as const
  server.get('/healthz', { config }, async () => ({ status: 'ok' }))
  server.get('/readyz', { config }, async (_request, reply) => {
    const problems = await readiness.findProblems()
    if (problems.length === 0) return { status: 'ready' }
    return reply.code(503).send({ status: 'not ready', problems })
  })
}
