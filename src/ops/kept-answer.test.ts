import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { KeptAnswer } from './kept-answer.ts'

/** An answer whose source a test holds in its hands. */
function start(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const asked: PromiseWithResolvers<object>[] = []
  const seen = { asked, failures: 0, now: 0 }
  const ask = () => {
    const answer = Promise.withResolvers<object>()
    asked.push(answer)
    return answer.promise
  }
  const kept = new KeptAnswer(ask, { machineNow: () => seen.now }, () => seen.failures++)
  return { seen, asked, kept }
}

test('those who ask at the same time, or soon after, share an answer', async (t) => {
  const { seen, asked, kept } = start(t)
  const both = [kept.get(), kept.get()]
  const answer = {}
  asked[0]?.resolve(answer)
  assert.deepEqual(await Promise.all(both), [answer, answer])
  seen.now += 4999
  assert.equal(await kept.get(), answer)
  assert.equal(asked.length, 1)
  seen.now++
  void kept.get()
  assert.equal(asked.length, 2)
})

test('a failure is told, and the next who asks asks again', async (t) => {
  const { seen, asked, kept } = start(t)
  const failed = kept.get()
  asked[0]?.reject(new Error('the database is away'))
  assert.equal(await failed, undefined)
  assert.equal(seen.failures, 1)
  const next = kept.get()
  asked[1]?.resolve({})
  assert.deepEqual(await next, {})
  assert.equal(seen.failures, 1)
})

test('nobody waits longer than two seconds, nobody asks a second time, and a late answer serves the next', async (t) => {
  const { seen, asked, kept } = start(t)
  const late = [kept.get(), kept.get()]
  t.mock.timers.tick(2000)
  assert.deepEqual(await Promise.all(late), [undefined, undefined])
  assert.equal(seen.failures, 2)
  const again = kept.get()
  t.mock.timers.tick(2000)
  assert.equal(await again, undefined)
  assert.equal(asked.length, 1)
  const answer = {}
  asked[0]?.resolve(answer)
  await turn()
  assert.equal(await kept.get(), answer)
  assert.equal(asked.length, 1)
})
