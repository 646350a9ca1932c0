import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { Client, Pool } from 'pg'
import { newDatabase, PostgresServer, query } from '../../../test/postgres.ts'
import { SharedRateLimiter, type TokenStore } from '../../core/limits/shared-rate-limiter.ts'
import { type Clock, systemClock } from '../../core/ports/clock.ts'
import { PostgresNode } from './node.ts'
import { openPostgresMetadataStore } from './postgres.ts'
import { PostgresTokens } from './tokens.ts'

const NODES = 3
const ORGANIZATION = 'o'
/** A busy machine is no database that is away. */
const PATIENCE_MS = 10_000

class SteppedClock implements Clock {
  #now = 1_700_000_000_000
  now(): number {
    return this.#now
  }
  machineNow(): number {
    return this.#now
  }
  advance(ms: number): void {
    this.#now += ms
  }
}

/**
 * Limiters of several nodes on one database; they measure by `clock`, the buckets by the same if it is a stepped one.
 * @param through what stands between a node and the database
 */
async function startLimiters(
  t: TestContext,
  url: string,
  limit: number,
  clock: Clock,
  through = (tokens: TokenStore, _node: number) => tokens,
): Promise<SharedRateLimiter[]> {
  await (await openPostgresMetadataStore(url)).close()
  return Array.from({ length: NODES }, (_, node) => {
    const tokens = new PostgresTokens(
      url,
      () => NODES,
      clock === systemClock ? undefined : clock,
      PATIENCE_MS,
    )
    t.after(() => tokens.close())
    const limits = { write: limit, read: limit, search: undefined }
    return new SharedRateLimiter(limits, through(tokens, node), clock)
  })
}

/** How many of `count` requests at once are admitted. */
async function admit(limiter: SharedRateLimiter | undefined, count: number): Promise<number> {
  const taken = await Promise.all(Array.from({ length: count }, () => limiter?.take(ORGANIZATION, 'write')))
  return taken.filter((allowance) => allowance?.admitted).length
}

for (const limit of [2, 25, 400]) {
  test(`three nodes together admit ${limit} per second and the burst, and a busy one alone gets all`, async (t) => {
    const clock = new SteppedClock()
    const limiters = await startLimiters(t, await newDatabase(), limit, clock)
    const perStep = Math.ceil(limit / 20)
    const run = async (busy: readonly SharedRateLimiter[]) => {
      let admitted = 0
      for (let ms = 0; ms < 12_000; ms += 50) {
        clock.advance(50)
        const counts = await Promise.all(busy.map((limiter) => admit(limiter, 2 * perStep)))
        admitted += counts.reduce((sum, count) => sum + count, 0)
      }
      return admitted
    }
    const together = await run(limiters)
    assert.ok(together <= limit * 13, `${together} of ${limit * 13}`)
    assert.ok(together >= limit * 12 * 0.98, `only ${together}`)
    const alone = await run(limiters.slice(0, 1))
    assert.ok(alone <= limit * 13 && alone >= limit * 12 * 0.95, `${alone} alone`)
  })
}

test('a burst on three nodes is told to come back as the common bucket fills, and whoever obeys gets in', async (t) => {
  const limit = 30
  const clock = new SteppedClock()
  const nodes = await startLimiters(t, await newDatabase(), limit, clock)
  /** By the second in which they come: the node of each client. */
  const coming = new Map([[0, nodes.flatMap((node) => Array.from({ length: 100 }, () => node))]])
  const come = async (second: number) => {
    const clients = coming.get(second) ?? []
    const told = await Promise.all(clients.map((node) => node.take(ORGANIZATION, 'write')))
    for (const [i, allowance] of told.entries()) {
      if (allowance?.admitted) continue
      const later = second + (allowance?.retryAfterSeconds ?? 0)
      coming.set(later, [...(coming.get(later) ?? []), clients[i] as SharedRateLimiter])
    }
    return told.filter((allowance) => allowance?.admitted).length
  }
  assert.equal(await come(0), limit)
  for (const [second, clients] of coming) {
    assert.ok(clients.length <= (second === 0 ? 300 : limit + NODES), `${clients.length} after ${second} s`)
    // One node may have got all of the first tokens; its queue is over earlier.
    if (second < 7) assert.ok(clients.length >= limit - NODES, `${clients.length} after ${second} s`)
  }
  let admitted = limit
  for (let second = 1; second <= 15; second++) {
    clock.advance(1000)
    admitted += await come(second)
  }
  assert.equal(admitted, 300)
})

test('by the time of the database, too, no more is admitted than there is, and nearly all of it', async (t) => {
  const limit = 100
  const limiters = await startLimiters(t, await newDatabase(), limit, systemClock)
  // The connections first, so that their making is not measured.
  for (const limiter of limiters) await limiter.peek(ORGANIZATION, 'read')
  const begin = performance.now()
  const seconds = () => (performance.now() - begin) / 1000
  const counts = await Promise.all(
    limiters.map(async (limiter) => {
      let admitted = 0
      while (seconds() < 3) {
        admitted += await admit(limiter, 3)
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
      return admitted
    }),
  )
  const admitted = counts.reduce((sum, count) => sum + count, 0)
  t.diagnostic(`${counts.join(' + ')} admitted in ${seconds().toFixed(2)} s`)
  assert.ok(admitted <= limit + limit * seconds(), `${admitted} admitted`)
  assert.ok(admitted >= limit + limit * 3 * 0.8, `only ${admitted} admitted`)
})

test('one turn of the event loop asks the database once, and a flood that is refused anyway hardly ever', async (t) => {
  const clock = new SteppedClock()
  const limit = 100
  const [limiter] = await startLimiters(t, await newDatabase(), limit, clock)
  const { mock } = t.mock.method(Client.prototype, 'query')
  const statements = () =>
    mock.calls.filter(({ arguments: [query] }) => (query as { name?: string }).name === 'take-tokens').length
  const ofMany = (organization: number) => limiter?.take(`organization ${organization}`, 'write')
  const [many] = await Promise.all([
    Promise.all(Array.from({ length: 50 }, (_, organization) => ofMany(organization))),
    admit(limiter, limit - 1),
    limiter?.peek(ORGANIZATION, 'read'),
  ])
  assert.ok(many.every((allowance) => allowance?.admitted))
  assert.equal(statements(), 1)
  assert.equal(await admit(limiter, limit), 1)
  mock.resetCalls()
  for (let ms = 0; ms < 1000; ms++) {
    clock.advance(1)
    await admit(limiter, 10)
  }
  assert.ok(statements() <= limit, `${statements()} statements in a second`)
})

test('without the database each node admits its share and nobody waits; once it is back all is as before', async (t) => {
  const server = await PostgresServer.start()
  t.after(() => server.stop('immediate'))
  const clock = new SteppedClock()
  const limit = 30
  const limiters = await startLimiters(t, await server.newDatabase(), limit, clock)
  for (const limiter of limiters) await admit(limiter, limit)
  await server.stop('immediate')
  let admitted = 0
  for (let ms = 0; ms < 10_000; ms += 100) {
    clock.advance(100)
    for (const limiter of limiters) admitted += await admit(limiter, 10)
  }
  assert.ok(admitted <= limit * 11 * 1.05, `${admitted} admitted`)
  assert.ok(admitted >= limit * 10, `only ${admitted} admitted`)
  const allowance = await limiters[0]?.peek(ORGANIZATION, 'write')
  assert.equal(allowance?.limit, limit)
  await server.restart('fast')
  // Requests find out in the background that it is back, and then one node gets all that there is.
  let counts: number[] = []
  for (let i = 0; i < 100 && counts.join() !== [limit, 0, 0].join(); i++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    clock.advance(5_000)
    counts = []
    for (const limiter of limiters) counts.push(await admit(limiter, limit))
  }
  assert.deepEqual(counts, [limit, 0, 0])
})

test('a node that was idle has its whole share at once when the database is away, and at least one', async (t) => {
  const away = ({ countNodes }: TokenStore) => ({
    countNodes,
    take: () => Promise.reject(new Error('away')),
  })
  for (const [limit, share] of [
    [30, 10],
    [2, 1],
  ] as const) {
    const limiters = await startLimiters(t, await newDatabase(), limit, new SteppedClock(), away)
    for (const limiter of limiters) assert.equal(await admit(limiter, limit), share)
  }
})

test('who was admitted while the database was away, and idle since, has the whole limit again', async (t) => {
  const clock = new SteppedClock()
  const [limit, other] = [24, 'busy']
  let isAway = false
  let asked: Promise<unknown> = Promise.resolve()
  const leaving = (tokens: TokenStore): TokenStore => ({
    countNodes: tokens.countNodes,
    take: (...bucket) => {
      const answer = isAway ? Promise.reject(new Error('away')) : tokens.take(...bucket)
      asked = answer.catch(() => undefined)
      return answer
    },
  })
  const [limiter] = await startLimiters(t, await newDatabase(), limit, clock, leaving)
  await limiter?.peek(ORGANIZATION, 'write')
  isAway = true
  clock.advance(1000)
  assert.equal(await admit(limiter, 2 * limit), limit / NODES)
  isAway = false
  for (let ms = 0; ms < 5000; ms += 100) {
    clock.advance(100)
    await limiter?.take(other, 'write')
    await asked
  }
  assert.equal((await limiter?.peek(ORGANIZATION, 'write'))?.remaining, limit)
  assert.equal(await admit(limiter, limit), limit)
})

for (const { there, away, apart } of [
  { there: 250, away: 1000, apart: 0 },
  { there: 1100, away: 300, apart: 0 },
  { there: 2300, away: 1000, apart: 0 },
  { there: 1500, away: 1000, apart: 350 },
]) {
  const pattern = `there for ${there} ms and away for ${away}, ${apart} ms later for each node`
  test(`a database that comes and goes costs a second's tokens each time, and stops nobody: ${pattern}`, async (t) => {
    const limit = 60
    const seconds = 20
    const clock = new SteppedClock()
    const begin = clock.now()
    const underWay = new Set<Promise<unknown>>()
    const flapping = (tokens: TokenStore, node: number): TokenStore => ({
      countNodes: tokens.countNodes,
      take: async (...bucket) => {
        if ((clock.now() - begin + node * apart) % (there + away) >= there) throw new Error('away')
        const answer = tokens.take(...bucket)
        underWay.add(answer)
        return answer.finally(() => underWay.delete(answer))
      },
    })
    const limiters = await startLimiters(t, await newDatabase(), limit, clock, flapping)
    const counts = limiters.map(() => 0)
    for (let ms = 0; ms < seconds * 1000; ms += 50) {
      clock.advance(50)
      const admitted = await Promise.all(limiters.map((limiter) => admit(limiter, limit / 10)))
      for (const [node, count] of admitted.entries()) counts[node] = (counts[node] ?? 0) + count
      // Questions that no request waits for take no time by the clock either.
      while (underWay.size > 0) await new Promise((resolve) => setImmediate(resolve))
    }
    const together = counts.reduce((sum, count) => sum + count, 0)
    t.diagnostic(`${counts.join(' + ')} = ${together} admitted of ${limit * seconds} and a burst of ${limit}`)
    const outages = Math.ceil((seconds * 1000) / (there + away))
    // The shares of nodes that are not cut off at the same time come on top.
    const excess = outages * limit * (apart === 0 ? 1 : 1 + away / 1000)
    assert.ok(together <= limit * (seconds + 1) + excess, `${together} admitted`)
    assert.ok(together >= limit * seconds * 0.8, `only ${together} admitted`)
    const aloneSeconds = (seconds * away) / (there + away)
    for (const count of counts) assert.ok(count >= (limit / NODES) * aloneSeconds * 0.8, `only ${counts}`)
  })
}

test('what idle organizations leave is forgotten, some at a time, and what is in use is not', async (t) => {
  const url = await newDatabase()
  await (await openPostgresMetadataStore(url)).close()
  const clock = new SteppedClock()
  const node = await PostgresNode.join(url, { clock })
  t.after(() => node.leave())
  await query(
    url,
    `insert into rate_buckets select 'write ' || n, 5, $1::float8 from generate_series(1, 1500) n`,
    [clock.now()],
  )
  clock.advance(59_000)
  await node.tokens.take('write o', 10, 1)
  assert.equal(await node.forgetIdleLimits(), 0)
  clock.advance(1001)
  assert.deepEqual([await node.forgetIdleLimits(), await node.forgetIdleLimits()], [1000, 500])
  assert.equal(await node.forgetIdleLimits(), 0)
  const left = await query<{ name: string }>(url, 'select name from rate_buckets')
  assert.deepEqual(left, [{ name: 'write o' }])
})

test('a bucket that is forgotten while tokens are leased from it is a full one', async (t) => {
  const url = await newDatabase()
  await (await openPostgresMetadataStore(url)).close()
  const tokens = new PostgresTokens(url, () => 1, undefined, PATIENCE_MS)
  t.after(() => tokens.close())
  const pool = new Pool({ connectionString: url, max: 2 })
  t.after(() => pool.end())
  let isOver = false
  const forgetting = Promise.all(
    [1, 2].map(async () => {
      while (!isOver) await pool.query('delete from rate_buckets')
    }),
  )
  for (let i = 0; i < 2000; i++) {
    const { granted } = await tokens.take('write o', 1e6, 1)
    if (!granted) isOver = true
    assert.ok(granted)
  }
  isOver = true
  await forgetting
})

test('a node holds no tokens that it has not used, and peeking takes none', async (t) => {
  const clock = new SteppedClock()
  const [one, other] = await startLimiters(t, await newDatabase(), 100, clock)
  for (let i = 0; i < 20; i++) await one?.take(ORGANIZATION, 'write')
  for (let i = 0; i < 3; i++) assert.equal((await other?.peek(ORGANIZATION, 'write'))?.remaining, 80)
  clock.advance(100)
  assert.equal((await other?.peek(ORGANIZATION, 'write'))?.remaining, 90)
})
