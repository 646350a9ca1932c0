import assert from 'node:assert/strict'
import { test } from 'node:test'
import { onlyLong } from '../../../test/rounds.ts'
import { type LimitClass, limitClasses, RateLimiter } from './rate-limit.ts'

const SECOND = 1000

type Limiter = ReturnType<typeof limiterOf>

/** A limiter whose clock each call sets. */
function limiterOf(limit: number | undefined) {
  let present = 0
  const clock = { now: () => present, machineNow: () => present }
  const limiter = new RateLimiter({ write: limit, read: limit, search: limit }, clock)
  const at = (ask: 'take' | 'peek') => (organizationId: string, limitClass: LimitClass, now: number) => {
    present = now
    return limiter[ask](organizationId, limitClass)
  }
  return { take: at('take'), peek: at('peek') }
}

test('any series of requests is admitted at most capacity and refill times, and never starved', async () => {
  const seed = 1 + Math.floor(Math.random() * 2_147_483_645)
  let state = seed
  // The minimal standard generator: a seed repeats the run.
  const random = () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
  for (let run = 0; run < 50; run++) {
    const limit = 1 + Math.floor(random() * 50)
    const limiter = limiterOf(limit)
    const start = 1_700_000_000_000
    let now = start
    const admitted: number[] = []
    for (let i = 0; i < 400; i++) {
      now += Math.floor(random() ** 4 * 3_000)
      const allowance = await limiter.take('organization', 'write', now)
      if (allowance?.admitted) admitted.push(now)
      const context = `seed ${seed}, run ${run}, request ${i}`
      assert.ok(allowance, context)
      assert.ok(allowance.remaining >= 0 && allowance.remaining < limit, context)
      assert.ok(allowance.fullInMs >= 0 && allowance.fullInMs <= SECOND, context)
      if (allowance.admitted) assert.equal(allowance.retryAfterSeconds, 0, context)
      else assert.ok(allowance.retryAfterSeconds >= 1 && allowance.retryAfterSeconds < 60, context)
      // Between any earlier admission and now there were no more than the bucket held and was given.
      for (let first = Math.max(0, admitted.length - 100); first < admitted.length; first++) {
        const count = admitted.length - first
        const elapsed = (now - (admitted[first] ?? 0)) / SECOND
        assert.ok(count <= limit + elapsed * limit + 1e-6, context)
      }
    }
    const idle = await limiter.take('organization', 'write', now + SECOND)
    assert.equal(idle?.remaining, limit - 1)
  }
})

test('a refused client that waits as told is admitted', async () => {
  for (const limit of [1, 2, 3, 25, 1_000]) {
    const limiter = limiterOf(limit)
    for (let i = 0; i < limit; i++) assert.ok((await limiter.take('a', 'read', 0))?.admitted)
    const refused = await limiter.take('a', 'read', 0)
    assert.equal(refused?.admitted, false)
    assert.ok((await limiter.take('a', 'read', (refused?.retryAfterSeconds ?? 0) * SECOND))?.admitted)
  }
})

/** How many of a burst were told to come back after each number of seconds. */
async function toldSeconds(limiter: Limiter, burst: number, now = 0): Promise<Map<number, number>> {
  const told = new Map<number, number>()
  for (let i = 0; i < burst; i++) {
    const seconds = (await limiter.take('a', 'write', now))?.retryAfterSeconds ?? 0
    told.set(seconds, (told.get(seconds) ?? 0) + 1)
  }
  return told
}

test('of a burst as many are told to come back each second as tokens flow in, and all who do are admitted', async () => {
  for (const limit of [1, 2, 5, 25, 1_000]) {
    const limiter = limiterOf(limit)
    const told = await toldSeconds(limiter, 11 * limit)
    const expected = Array.from({ length: 11 }, (_, seconds) => [seconds, limit] as const)
    assert.deepEqual(told, new Map(expected))
    for (let seconds = 1; seconds <= 10; seconds++) {
      for (let i = 0; i < limit; i++)
        assert.ok((await limiter.take('a', 'write', seconds * SECOND))?.admitted, `${limit}: ${seconds} s`)
    }
  }
})

test('a burst that takes longer than clients wait is spread evenly over a minute', async () => {
  const told = await toldSeconds(limiterOf(2), 2 + 2 * 590)
  assert.equal(told.get(0), 2)
  for (let seconds = 1; seconds <= 58; seconds++) {
    const clients = told.get(seconds) ?? 0
    assert.ok(clients >= 18 && clients <= 22, `${clients} after ${seconds} s`)
  }
  assert.equal(Math.max(...told.keys()), 59)
})

test('those who come in vain queue behind the others, and a queue that was served is forgotten', async () => {
  const limiter = limiterOf(5)
  assert.deepEqual([...(await toldSeconds(limiter, 15)).keys()], [0, 1, 2])
  // Others took the tokens of the first second.
  assert.deepEqual(
    [...(await toldSeconds(limiter, 10, SECOND))],
    [
      [0, 5],
      [2, 5],
    ],
  )
  assert.deepEqual(
    [...(await toldSeconds(limiter, 6, 10 * SECOND))],
    [
      [0, 5],
      [1, 1],
    ],
  )
})

test('a refused request costs nothing', async () => {
  const limiter = limiterOf(2)
  await limiter.take('a', 'write', 0)
  await limiter.take('a', 'write', 0)
  for (let i = 0; i < 1_000; i++) assert.equal((await limiter.take('a', 'write', 0))?.admitted, false)
  assert.ok((await limiter.take('a', 'write', 500))?.admitted)
})

test('looking takes nothing', async () => {
  const limiter = limiterOf(5)
  for (let i = 0; i < 100; i++) assert.equal((await limiter.peek('a', 'write', 0))?.remaining, 5)
  assert.equal((await limiter.take('a', 'write', 0))?.remaining, 4)
})

test('classes and organizations have buckets of their own', async () => {
  const limiter = limiterOf(1)
  for (const limitClass of limitClasses) {
    for (const organization of ['a', 'b', 'write a', '__proto__'])
      assert.ok((await limiter.take(organization, limitClass, 0))?.admitted, `${limitClass} ${organization}`)
  }
  assert.equal((await limiter.take('a', 'write', 0))?.admitted, false)
})

test('a clock that is set back refills nothing', async () => {
  const limiter = limiterOf(2)
  await limiter.take('a', 'write', 10_000)
  await limiter.take('a', 'write', 10_000)
  for (const now of [9_000, 0, 9_500, 10_000])
    assert.equal((await limiter.take('a', 'write', now))?.admitted, false)
  assert.ok((await limiter.take('a', 'write', 10_500))?.admitted)
})

test('a class without a limit admits everything and says nothing', async () => {
  const limiter = limiterOf(undefined)
  for (let i = 0; i < 1_000; i++) assert.equal(await limiter.take('a', 'write', 0), undefined)
  assert.equal(await limiter.peek('a', 'write', 0), undefined)
})

test('very many organizations do not make the used buckets full again', { skip: onlyLong }, async () => {
  const limiter = limiterOf(1)
  await limiter.take('busy', 'write', 0)
  for (let i = 0; i < 25_000; i++) await limiter.take(`organization ${i}`, 'write', 100)
  assert.equal((await limiter.take('busy', 'write', 100))?.admitted, false)
})
