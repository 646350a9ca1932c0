import assert from 'node:assert/strict'
import { test } from 'node:test'
import { paceReaders } from './pace.ts'

/** A clock that passes by sleeping alone. */
function startClock() {
  let now = 0
  const sleep = async (ms: number) => {
    now += ms
  }
  return { now: () => now, sleep }
}

test('readers together get so many bytes per second, and no more for a pause', async () => {
  const clock = startClock()
  const pace = paceReaders(1000, clock)
  for (let n = 0; n < 20; n++) await pace(100)
  assert.equal(clock.now(), 2000)
  await clock.sleep(60_000)
  await pace(500)
  assert.equal(clock.now(), 62_500)
})

test('many small reads are held back as well', async () => {
  const clock = startClock()
  const pace = paceReaders(1_000_000, clock)
  for (let n = 0; n < 1000; n++) await pace(1000)
  assert.ok(clock.now() > 990, `${clock.now()} ms`)
})

test('without a bound nobody waits', async () => {
  const clock = startClock()
  await paceReaders(Number.POSITIVE_INFINITY, clock)(2 ** 40)
  assert.equal(clock.now(), 0)
})
