import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { pino } from 'pino'
import type { WatchCall } from '../core/watch-call.ts'
import { type Job, runJobs } from './runner.ts'

const EVERY_MS = 30_000

/** Runs one job, whose time passes by `t.mock.timers.tick`. `lines` is what it has logged, `told` how it went. */
function startJob(t: TestContext, run: Job['run']) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const lines: string[] = []
  const told: string[] = []
  const watch: WatchCall = ({ operation, outcome }) => void told.push(`${operation}: ${outcome}`)
  const logger = pino({}, { write: (line: string) => void lines.push(line) })
  return { stop: runJobs([{ name: 'sweep', everyMs: EVERY_MS, run }], logger, watch), lines, told }
}

async function pass(t: TestContext, ms: number): Promise<void> {
  t.mock.timers.tick(ms)
  await turn()
}

test('a job runs at once, and again after each period', async (t) => {
  let runs = 0
  const { stop } = startJob(t, async () => {
    runs++
    return 0
  })
  await pass(t, 0)
  assert.equal(runs, 1)
  await pass(t, EVERY_MS - 1)
  assert.equal(runs, 1)
  await pass(t, 1)
  assert.equal(runs, 2)
  await stop()
  await pass(t, EVERY_MS)
  assert.equal(runs, 2)
})

test('a job that found work runs again until there is none', async (t) => {
  const left = [200, 200, 7, 0, 0]
  const { stop, lines } = startJob(t, async () => left.shift() ?? 0)
  await pass(t, 0)
  assert.deepEqual(left, [0])
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).done),
    [200, 200, 7],
  )
  await stop()
})

test('a job that fails is logged and tried again', async (t) => {
  let runs = 0
  const { stop, lines } = startJob(t, async () => {
    runs++
    throw new Error('away')
  })
  await pass(t, 0)
  await pass(t, EVERY_MS)
  assert.equal(runs, 2)
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).err.message),
    ['away', 'away'],
  )
  await stop()
})

test('a job never runs twice at once, and a stop waits for it', async (t) => {
  const work = Promise.withResolvers<number>()
  let runs = 0
  const { stop } = startJob(t, () => {
    runs++
    return work.promise
  })
  await pass(t, 0)
  await pass(t, 10 * EVERY_MS)
  assert.equal(runs, 1)
  let isStopped = false
  const stopped = stop().then(() => {
    isStopped = true
  })
  await turn()
  assert.equal(isStopped, false)
  work.resolve(5)
  await stopped
  assert.equal(runs, 1)
})

test('each run is told of once, with all its repetitions, and how it ended', async (t) => {
  const left = [200, 7, 0]
  const { stop, told } = startJob(t, async () => {
    const done = left.shift()
    if (done === undefined) throw new Error('the disk is full')
    return done
  })
  await pass(t, 0)
  assert.deepEqual(told, ['sweep: ok'])
  await pass(t, EVERY_MS)
  assert.deepEqual(told, ['sweep: ok', 'sweep: failed'])
  await stop()
})
