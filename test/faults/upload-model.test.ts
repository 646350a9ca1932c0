/**
 * Random steps on uploads by link, compared with a small model after each: pieces of any size at any offset, cut anywhere, PUTs,
 * completes, deletes, reads, joins and restarts.
 *
 *   ENTREPOT_FAULT_ROUNDS=5000 node --test test/faults/upload-model.test.ts
 *
 * A failing run prints its seed and its steps; `ENTREPOT_FAULT_SEED=<seed>` takes the same steps again.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DAY_MS } from '../../src/core/ports/clock.ts'
import { reconcile } from '../../src/core/upkeep/reconcile.ts'
import { TestServer } from '../harness.ts'
import { rounds } from '../rounds.ts'
import { SeededRandom } from '../seeded-random.ts'
import { settledUsage } from '../usage.ts'
import { PUBLIC_URL } from './api-client.ts'
import { checkRows } from './check-rows.ts'
import { ROOT_KEY } from './server-process.ts'
import { UploadModel } from './upload-model.ts'

const STEPS = rounds({ short: 60, long: 2000 })
const SEED = Number(process.env.ENTREPOT_FAULT_SEED ?? Math.floor(Math.random() * 2 ** 32))
const TOLD_STEPS = 20

test(`${STEPS} random steps on uploads do what the model does`, async (t) => {
  t.diagnostic(`seed ${SEED}`)
  const server = await TestServer.start({
    ENTREPOT_INLINE_BYTES: '8192',
    ENTREPOT_RESUMABLE_DRAFT: 'on',
    ENTREPOT_PUBLIC_URL: PUBLIC_URL,
    ENTREPOT_ROOT_KEY: ROOT_KEY,
  })
  t.after(() => server.stop())
  const model = new UploadModel(server, new SeededRandom(SEED))
  const steps: string[] = []
  try {
    for (let step = 0; step < STEPS; step++) steps.push(await model.step())
    await model.compareAll()
  } catch (error) {
    const last = steps.slice(-TOLD_STEPS).join('\n')
    throw new Error(`seed ${SEED}, after ${steps.length} steps:\n${last}`, { cause: error })
  }
  await settledUsage(server)
  server.clock.advance({ ms: 2 * DAY_MS })
  const { damaged, orphans } = await reconcile(server.app.services, true)
  assert.deepEqual({ damaged, orphans }, { damaged: [], orphans: [] })
  assert.deepEqual(await checkRows(server.dataDir, server.databaseUrl), [])
})
