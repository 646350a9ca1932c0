import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { newId, Span, spanKinds } from './span.ts'
import { RetriableFailure, type SendSpans, SpanQueue } from './span-queue.ts'

function newSpan(): Span {
  const parent = { traceId: newId(16), traceState: '', parentId: undefined, isRemotesChild: false }
  return new Span({ name: 'a', kind: spanKinds.server, startMs: 0, attributes: {}, ...parent })
}

function start(t: TestContext, send: SendSpans) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const told = { sent: 0, lost: 0, reasons: new Set<string>() }
  const queue = new SpanQueue(send, {
    sent: (spans) => {
      told.sent += spans
    },
    lost: (spans, reason) => {
      told.lost += spans
      told.reasons.add(reason)
    },
  })
  const add = (spans: number) => {
    for (let span = 0; span < spans; span++) queue.add(newSpan())
  }
  return { queue, add, told }
}

/** Lets time pass, and what waits for it happen. */
async function pass(t: TestContext, ms: number): Promise<void> {
  t.mock.timers.tick(ms)
  for (let turns = 0; turns < 10; turns++) await turn()
}

test('spans are sent together, after five seconds or once there are 512', async (t) => {
  const batches: number[] = []
  const { add, told } = start(t, async (spans) => void batches.push(spans.length))
  add(3)
  await pass(t, 4999)
  assert.deepEqual(batches, [])
  await pass(t, 1)
  assert.deepEqual(batches, [3])
  add(1030)
  await pass(t, 0)
  assert.deepEqual(batches, [3, 512, 512, 6])
  assert.deepEqual([told.sent, told.lost], [1033, 0])
})

test('what a collector that hangs leaves waiting is bounded', async (t) => {
  const { add, told } = start(t, () => new Promise(() => undefined))
  add(512)
  await pass(t, 0)
  add(4096 + 100)
  assert.deepEqual([told.sent, told.lost], [0, 100])
  assert.deepEqual([...told.reasons], ['too many wait'])
})

test('a batch is sent three times if that may help, else once', async (t) => {
  const failures: Error[] = [new RetriableFailure('status 503'), new RetriableFailure('status 503')]
  let attempts = 0
  const { add, told } = start(t, async () => {
    attempts++
    const failure = failures.shift()
    if (failure !== undefined) throw failure
  })
  add(512)
  for (let retry = 0; retry < 3; retry++) await pass(t, 4000)
  assert.deepEqual([attempts, told.sent], [3, 512])
  failures.push(new Error('status 400'))
  add(512)
  await pass(t, 0)
  assert.deepEqual([attempts, told.lost, [...told.reasons]], [4, 512, ['status 400']])
})

test('a collector that names a time is not asked again before it, but after half a minute', async (t) => {
  const failures = [new RetriableFailure('status 429', 9000), new RetriableFailure('status 429', 1e9)]
  let attempts = 0
  const { add, told } = start(t, async () => {
    attempts++
    const failure = failures.shift()
    if (failure !== undefined) throw failure
  })
  add(512)
  const seen: number[] = []
  for (const ms of [0, 8999, 1, 29_999, 1]) {
    await pass(t, ms)
    seen.push(attempts)
  }
  assert.deepEqual([seen, told.sent], [[1, 1, 2, 2, 3], 512])
})

test('closing sends what waits, and gives up after two seconds', async (t) => {
  const signals: AbortSignal[] = []
  const { queue, add, told } = start(t, async (_spans, signal) => {
    signals.push(signal)
    await new Promise((_, reject) =>
      signal.addEventListener('abort', () => reject(new RetriableFailure('no answer'))),
    )
  })
  add(600)
  const closed = queue.close()
  await pass(t, 1999)
  assert.equal(signals[0]?.aborted, false)
  await pass(t, 1)
  await closed
  assert.equal(told.lost, 600)
  add(1)
  assert.equal(told.lost, 601)
})
