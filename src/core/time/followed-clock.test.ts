import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FollowedClock } from './followed-clock.ts'

/** What a clock says that is ahead of `performance.now()` by `offsetMs`, asked `agoMs` ago, after a round trip. */
function ask(clock: FollowedClock, offsetMs: number, { agoMs = 0, tripMs = 2, errorMs = 0 } = {}): void {
  const answeredAt = performance.now() - agoMs
  clock.note(answeredAt - tripMs / 2 + offsetMs + errorMs, answeredAt - tripMs, answeredAt)
}

function offsetOf(clock: FollowedClock): number {
  return clock.now() - performance.now()
}

function assertNear(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 2, `${actual} is not ${expected}`)
}

test('a clock that was never asked is that of this machine, and is not known', () => {
  const clock = new FollowedClock()
  assert.ok(Math.abs(clock.now() - Date.now()) < 100)
  assert.equal(clock.isKnown(), false)
})

test('the answer with the shortest round trip counts, and one half of it is taken off', () => {
  const clock = new FollowedClock()
  ask(clock, 5000, { tripMs: 100, errorMs: 40 })
  assertNear(offsetOf(clock), 5040)
  ask(clock, 5000, { tripMs: 2 })
  assertNear(offsetOf(clock), 5000)
  ask(clock, 5000, { tripMs: 300, errorMs: -140 })
  assertNear(offsetOf(clock), 5000)
})

test('a clock that was set is followed at once', () => {
  const clock = new FollowedClock()
  ask(clock, 5000)
  ask(clock, 3_600_000, { tripMs: 400 })
  assertNear(offsetOf(clock), 3_600_000)
  ask(clock, 0)
  assertNear(offsetOf(clock), 0)
})

test('the time is not known after slow answers alone, nor after a quarter of a minute without any', () => {
  const clock = new FollowedClock()
  ask(clock, 0, { tripMs: 2400 })
  assert.equal(clock.isKnown(), false)
  ask(clock, 0, { tripMs: 200 })
  assert.equal(clock.isKnown(), true)
  const silent = new FollowedClock()
  ask(silent, 0, { agoMs: 14_000 })
  assert.equal(silent.isKnown(), true)
  ask(silent, 0, { agoMs: 16_000 })
  assert.equal(silent.isKnown(), false)
})
