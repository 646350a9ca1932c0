import { Pool } from 'pg'
import type { TokenGrant, TokenStore, TokenWish } from '../../core/limits/shared-rate-limiter.ts'
import type { Clock } from '../../core/ports/clock.ts'
import { sessionSettings } from './connection.ts'

/** Requests wait for the answer, and there is another way without it. */
const PATIENCE_MS = 400
/** By a clock that is moved by hand no time passes while the database is slow, and nobody is kept waiting. */
const PATIENCE_BY_HAND_MS = 10_000

/** The buckets of tokens in the database, on a connection that nothing else is queued on. */
export class PostgresTokens implements TokenStore {
  readonly #pool: Pool
  readonly #clock: Clock | undefined
  readonly countNodes: () => number

  /** @param clock undefined: the database's own, which is one for all nodes */
  constructor(
    url: string,
    countNodes: () => number,
    clock?: Clock,
    patienceMs = clock === undefined ? PATIENCE_MS : PATIENCE_BY_HAND_MS,
  ) {
    this.countNodes = countNodes
    this.#clock = clock
    this.#pool = new Pool({
      ...sessionSettings(url),
      max: 1,
      connectionTimeoutMillis: patienceMs,
      statement_timeout: patienceMs,
      query_timeout: patienceMs,
      allowExitOnIdle: true,
    })
    this.#pool.on('error', () => undefined)
    this.#pool.on('connect', (client) => client.on('error', () => undefined))
  }

  async lease(wishes: readonly TokenWish[]): Promise<readonly TokenGrant[]> {
    const { rows } = await this.#pool.query<{ bucket: string; granted: number; remaining: number }>({
      name: 'lease-tokens',
      text: 'select bucket, granted, remaining from lease_tokens($1, $2, $3, $4, $5)',
      values: [
        wishes.map(({ name }) => name),
        wishes.map(({ limit }) => limit),
        wishes.map(({ wanted }) => wanted),
        wishes.map(({ returned }) => returned),
        this.#clock?.machineNow() ?? null,
      ],
    })
    const found = new Map(
      rows.map(({ bucket, granted, remaining }) => [bucket, { granted, left: remaining }]),
    )
    return wishes.map(({ name }) => found.get(name) as TokenGrant)
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }
}
