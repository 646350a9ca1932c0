import { setImmediate as turn } from 'node:timers/promises'
import { Pool } from 'pg'
import type { TokenGrant, TokenStore } from '../../core/limits/shared-rate-limiter.ts'
import type { Clock } from '../../core/ports/clock.ts'
import { sessionSettings } from './connection.ts'

/** Requests wait for the answer, and there is another way without it. */
const PATIENCE_MS = 400

/** What one statement asks of a bucket. */
interface Wish {
  readonly limit: number
  readonly takers: { readonly cost: 0 | 1; readonly answer: PromiseWithResolvers<TokenGrant> }[]
}

interface LeaseRow {
  readonly bucket: string
  readonly granted: number
  readonly remaining: number
}

/**
 * The buckets of tokens in the database, on a connection of their own. All tokens that one turn of the event loop asks for are
 * taken by one statement; those asked for while it runs, by the next.
 */
export class PostgresTokens implements TokenStore {
  readonly #pool: Pool
  readonly #clock: Clock | undefined
  readonly countNodes: () => number
  #wishes = new Map<string, Wish>()
  #isAsking = false

  /** @param clock undefined: the database's own, which is one for all nodes */
  constructor(url: string, countNodes: () => number, clock?: Clock, patienceMs = PATIENCE_MS) {
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

  take(name: string, limit: number, cost: 0 | 1): Promise<TokenGrant> {
    const answer = Promise.withResolvers<TokenGrant>()
    const wish = this.#wishes.get(name) ?? { limit, takers: [] }
    wish.takers.push({ cost, answer })
    this.#wishes.set(name, wish)
    if (!this.#isAsking) void this.#askForAll()
    return answer.promise
  }

  async #askForAll(): Promise<void> {
    this.#isAsking = true
    await turn()
    while (this.#wishes.size > 0) {
      const wishes = this.#wishes
      this.#wishes = new Map()
      try {
        for (const row of await this.#lease(wishes)) grant(wishes.get(row.bucket), row)
      } catch (error) {
        // Who came meanwhile has waited, too.
        for (const { takers } of [...wishes.values(), ...this.#wishes.values()])
          for (const { answer } of takers) answer.reject(error)
        this.#wishes = new Map()
      }
    }
    this.#isAsking = false
  }

  async #lease(wishes: ReadonlyMap<string, Wish>): Promise<LeaseRow[]> {
    const all = [...wishes.values()]
    const { rows } = await this.#pool.query<LeaseRow>({
      name: 'take-tokens',
      text: 'select bucket, granted, remaining from lease_tokens($1, $2, $3, array_fill(0::float8, array[$4::int]), $5)',
      values: [
        [...wishes.keys()],
        all.map(({ limit }) => limit),
        all.map(({ takers }) => takers.reduce((sum, { cost }) => sum + cost, 0)),
        all.length,
        this.#clock?.machineNow() ?? null,
      ],
    })
    return rows
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }
}

/** Those who came first get what there is. */
function grant(wish: Wish | undefined, { granted: tokens, remaining }: LeaseRow): void {
  let free = tokens
  for (const { cost, answer } of wish?.takers ?? []) {
    const granted = free >= cost
    if (granted) free -= cost
    answer.resolve({ granted, left: remaining })
  }
}
