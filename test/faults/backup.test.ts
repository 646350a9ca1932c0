/**
 * A backup made while clients create, send, complete, cancel and delete: restored elsewhere, it has every file that was
 * acknowledged before it began, and nothing that does not belong together.
 */
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { entrepot, type Settings } from '../cli.harness.ts'
import { newBucket, newPostgres } from '../move.harness.ts'
import { newFolder } from '../new-folder.ts'
import { onlyLong } from '../rounds.ts'
import { SeededRandom } from '../seeded-random.ts'
import { until } from '../until.ts'
import { ApiClient, PUBLIC_URL } from './api-client.ts'
import { checkEntries } from './check-answers.ts'
import { checkArrivals } from './check-arrivals.ts'
import { reconcileAhead } from './check-stores.ts'
import type { Finding } from './finding.ts'
import { Ledger } from './ledger.ts'
import { runMixedLoad } from './mixed-load.ts'
import { ServerProcess } from './server-process.ts'

const CLIENTS = 6
const ANSWERS_BEFORE = 400
const ANSWERS_AFTER = 100
const PATIENCE_MS = 60_000
const settings = { ENTREPOT_PUBLIC_URL: PUBLIC_URL, ENTREPOT_RESUMABLE_DRAFT: 'on' }

async function backUpUnderLoad(t: TestContext, source: Settings, target: Settings): Promise<void> {
  const folder = newFolder('entrepot-backup-load-')
  const [dataDir, backup, elsewhere] = ['data', 'backup', 'elsewhere'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  await mkdir(dataDir)
  const ledger = await Ledger.open(join(folder, 'ledger'))
  t.after(() => ledger.close())
  const server = await ServerProcess.start({ dataDir, settings: { ...settings, ...source } })
  t.after(() => server.end('SIGKILL'))
  const findings: Finding[] = []
  const random = new SeededRandom(Math.floor(Math.random() * 2 ** 32))
  let isOver = false
  const clients = Array.from({ length: CLIENTS }, (_, index) =>
    runMixedLoad({
      url: server.url,
      ledger,
      random: random.fork(),
      name: `c${index}`,
      pending: [],
      pendingArrivals: [],
      isOver: () => isOver,
      findings,
    }),
  )
  await until(PATIENCE_MS, () => ledger.records >= ANSWERS_BEFORE)
  const completed = ledger.entries.filter(({ final }) => final === 'COMPLETED')
  const stored = ledger.arrivals.filter(({ final }) => final === 'STORED')
  const before = ledger.records
  const made = await entrepot(['backup', backup, '--json'], { ...source, ENTREPOT_DATA_DIR: dataDir })
  assert.equal(made.status, 0, made.stdout + made.stderr)
  const during = ledger.records - before
  await until(PATIENCE_MS, () => ledger.records >= before + during + ANSWERS_AFTER)
  isOver = true
  await server.end('SIGKILL')
  await Promise.all(clients)
  assert.deepEqual(findings, [])

  const there = { ...target, ENTREPOT_DATA_DIR: elsewhere }
  const restored = await entrepot(['restore', backup], there)
  assert.equal(restored.status, 0, restored.stdout + restored.stderr)
  const { damaged, orphans } = await reconcileAhead(elsewhere, target)
  assert.deepEqual({ damaged, orphans }, { damaged: [], orphans: [] })
  const doctor = await entrepot(['doctor', '--verify', '--max-bytes-per-second', 'none'], there)
  assert.equal(doctor.status, 0, doctor.stdout + doctor.stderr)
  const copy = await ServerProcess.start({ dataDir: elsewhere, settings: { ...settings, ...target } })
  t.after(() => copy.end('SIGKILL'))
  // Some of them were deleted since; all others have every byte that was acknowledged.
  const kept = stored.filter(({ final }) => final === 'STORED')
  assert.ok(completed.length > 0 && kept.length > 0)
  assert.deepEqual(await checkEntries(new ApiClient(copy.url), completed), [])
  assert.deepEqual(await checkArrivals(copy.url, kept), [])
  const { blobs, tables } = JSON.parse(made.stdout)
  t.diagnostic(
    `${during} answers while ${tables.files.rows} files and ${blobs} blobs were copied; ${completed.length + kept.length} files compared`,
  )
}

test('a backup under load has every acknowledged file, on SQLite and a disk', {
  skip: onlyLong,
}, async (t) => {
  await backUpUnderLoad(t, {}, {})
})

test('a backup under load has every acknowledged file, on PostgreSQL and S3', {
  skip: onlyLong,
}, async (t) => {
  const [source, target] = [
    { ...(await newPostgres()).settings, ...(await newBucket(t)).settings },
    { ...(await newPostgres()).settings, ...(await newBucket(t)).settings },
  ]
  await backUpUnderLoad(t, source, target)
})
