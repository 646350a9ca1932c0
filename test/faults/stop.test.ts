import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { newFolder } from '../new-folder.ts'
import { rounds } from '../rounds.ts'
import { SeededRandom } from '../seeded-random.ts'
import { ApiClient, PUBLIC_URL } from './api-client.ts'
import { checkEntries, checkListing } from './check-answers.ts'
import { checkArrivals } from './check-arrivals.ts'
import { checkRows } from './check-rows.ts'
import { checkStores, reconcileAhead } from './check-stores.ts'
import type { Finding } from './finding.ts'
import { Ledger } from './ledger.ts'
import { runMixedLoad } from './mixed-load.ts'
import { ServerProcess } from './server-process.ts'

const ROUNDS = rounds({ short: 1, long: 8 })
const CLIENTS = 12
const settings = { ENTREPOT_PUBLIC_URL: PUBLIC_URL, ENTREPOT_RESUMABLE_DRAFT: 'on' }

test('a SIGTERM under load loses nothing that was acknowledged, and ends with 0', async (t) => {
  const folder = newFolder('entrepot-stop-')
  const dataDir = join(folder, 'data')
  await mkdir(dataDir)
  const ledger = await Ledger.open(join(folder, 'ledger'))
  t.after(() => ledger.close())
  const random = new SeededRandom(Date.now())

  for (let round = 0; round < ROUNDS; round++) {
    const server = await ServerProcess.start({ dataDir, settings })
    t.after(() => server.end('SIGKILL'))
    const client = new ApiClient(server.url)
    assert.deepEqual(await checkEntries(client, ledger.entries), [])
    assert.deepEqual(await checkArrivals(server.url, ledger.arrivals), [])
    const findings: Finding[] = []
    let isOver = false
    const clients = Array.from({ length: CLIENTS }, (_, index) =>
      runMixedLoad({
        url: server.url,
        ledger,
        random: random.fork(),
        name: `r${round}-c${index}`,
        pending: [],
        pendingArrivals: [],
        isOver: () => isOver,
        findings,
      }),
    )
    await sleep(100 + random.next() * 400)
    isOver = true
    const begin = performance.now()
    assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null }, server.output)
    assert.ok(performance.now() - begin < 30_000, 'takes 30 s or more to stop')
    await Promise.all(clients)
    assert.deepEqual(findings, [])
    t.diagnostic(`stopped after ${Math.round(performance.now() - begin)} ms`)
    // Unlike a kill, a stop leaves nothing half done; bytes that were given up may still wait for their collection.
    const half = (await checkStores(dataDir)).filter(
      ({ kind }) => kind !== 'blob-orphan' && kind !== 'sum-differs',
    )
    assert.deepEqual(half, [])
  }
  const server = await ServerProcess.start({ dataDir, settings })
  t.after(() => server.end('SIGKILL'))
  const client = new ApiClient(server.url)
  assert.deepEqual(await checkEntries(client, ledger.entries), [])
  assert.deepEqual(await checkArrivals(server.url, ledger.arrivals), [])
  assert.deepEqual(await checkListing(client, ledger), [])
  await server.end('SIGTERM')
  const { damaged, orphans } = await reconcileAhead(dataDir)
  assert.deepEqual({ damaged, orphans }, { damaged: [], orphans: [] })
  assert.deepEqual(await checkStores(dataDir), [])
  assert.deepEqual(await checkRows(dataDir), [])
})
