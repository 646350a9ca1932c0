/**
 * `kill -9` at random moments under mixed load, a restart on the same data, and a look at every promise made; round after
 * round on a growing history.
 *
 * `npm test` runs a few rounds, `npm run test:all` more. The long run:
 *
 *   ENTREPOT_FAULT_ROUNDS=200 node --test test/faults/kill.test.ts
 *
 * A failing run prints its seed; `ENTREPOT_FAULT_SEED=<seed>` makes the same choices again (not the same timing).
 */
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { entrepot } from '../cli.harness.ts'
import { newFolder } from '../new-folder.ts'
import { rounds } from '../rounds.ts'
import { SeededRandom } from '../seeded-random.ts'
import { until } from '../until.ts'
import { ApiClient, PUBLIC_URL } from './api-client.ts'
import type { Arrival } from './arrivals.ts'
import { checkEntries, checkListing } from './check-answers.ts'
import { checkArrivals } from './check-arrivals.ts'
import { checkRows } from './check-rows.ts'
import { checkStores, reconcileAhead } from './check-stores.ts'
import type { Finding } from './finding.ts'
import { Ledger, type LedgerEntry } from './ledger.ts'
import { runMixedLoad } from './mixed-load.ts'
import { ServerProcess } from './server-process.ts'

const ROUNDS = rounds({ short: 1, long: 20 })
const SEED = Number(process.env.ENTREPOT_FAULT_SEED ?? Math.floor(Math.random() * 2 ** 32))
const CLIENTS = 6
/** The server is killed once it has answered up to so many requests, or has had the time to, and up to this much later. */
const MOST_ANSWERS = 60
const WARM_UP_MS = 5_000
const LONGEST_ROUND_MS = 800
const OLDER_FILES_PER_ROUND = 40
/** How much longer than a start on an empty folder a start may take. */
const RECOVERY_MS = 1_000
/** In every one of so many rounds an empty folder is started on, too, so that a busy machine slows both alike. */
const EMPTY_START_EVERY = 2
const settings = { ENTREPOT_PUBLIC_URL: PUBLIC_URL, ENTREPOT_RESUMABLE_DRAFT: 'on' }

test(`keeps every promise through ${ROUNDS} kills`, async (t) => {
  t.diagnostic(`seed ${SEED}`)
  const folder = newFolder('entrepot-kill-')
  const emptyStartsMs: number[] = []
  const run = new KillRun(
    join(folder, 'data'),
    await Ledger.open(join(folder, 'ledger')),
    new SeededRandom(SEED),
  )
  t.after(() => run.dispose())
  await mkdir(run.dataDir)

  for (let round = 0; round < ROUNDS; round++) {
    if (round % EMPTY_START_EVERY === 0)
      emptyStartsMs.push(await timeEmptyStart(join(folder, `empty-${round}`)))
    await run.restart()
    assert.deepEqual(await run.check(), [], `after ${round} kills, seed ${SEED}`)
    await run.loadAndKill(round)
    assert.deepEqual(run.findings, [], `under load in round ${round}, seed ${SEED}`)
  }
  await run.restart()
  assert.deepEqual(await run.checkAll(), [], `at the end, seed ${SEED}`)
  await run.kill()

  const { damaged, orphans, files } = await reconcileAhead(run.dataDir)
  assert.deepEqual({ damaged, orphans }, { damaged: [], orphans: [] })
  assert.deepEqual(await checkStores(run.dataDir), [])
  assert.deepEqual(await checkRows(run.dataDir), [])
  const doctor = await entrepot(['doctor', '--verify'], { ENTREPOT_DATA_DIR: run.dataDir })
  assert.equal(doctor.status, 0, doctor.stdout + doctor.stderr)
  const [usual, empty] = [median(run.startTimesMs), median(emptyStartsMs)]
  t.diagnostic(
    `${run.ledger.entries.length + run.ledger.arrivals.length} files, ${files} of them with a blob; ready after ${usual} ms, at most ` +
      `${Math.round(Math.max(...run.startTimesMs))} ms; on an empty folder after ${empty} ms`,
  )
  assert.ok(usual < empty + RECOVERY_MS, `ready only after ${usual} ms`)
})

function median(values: readonly number[]): number {
  return Math.round(values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0)
}

class KillRun {
  readonly dataDir: string
  readonly ledger: Ledger
  readonly findings: Finding[] = []
  /** From the spawn until `/readyz` says so. */
  readonly startTimesMs: number[] = []
  readonly #random: SeededRandom
  #server: ServerProcess | undefined
  #recent: readonly LedgerEntry[] = []
  #recentArrivals: readonly Arrival[] = []

  constructor(dataDir: string, ledger: Ledger, random: SeededRandom) {
    this.dataDir = dataDir
    this.ledger = ledger
    this.#random = random
  }

  /** Sometimes the server is killed again while it starts. */
  async restart(): Promise<void> {
    while (this.#random.chance(0.2))
      await ServerProcess.startAndKill(this.#options(), this.#random.between(50, 1500))
    const begin = performance.now()
    this.#server = await ServerProcess.start(this.#options())
    while (!(await this.#client().isReady())) await sleep(5)
    this.startTimesMs.push(performance.now() - begin)
  }

  #options() {
    return { dataDir: this.dataDir, settings }
  }

  #client(): ApiClient {
    return new ApiClient(this.#server?.url ?? '')
  }

  async loadAndKill(round: number): Promise<void> {
    const { entries, arrivals } = this.ledger
    const [before, arrivalsBefore] = [entries.length, arrivals.length]
    const pending = entries.filter(({ created, final }) => created && !final)
    const pendingArrivals = arrivals.filter(({ link, final }) => link && !final)
    let isOver = false
    const clients = Array.from({ length: CLIENTS }, (_, index) => {
      const mine = pending.filter((_, i) => i % CLIENTS === index)
      const name = `r${round}-c${index}`
      const random = this.#random.fork()
      const { ledger, findings } = this
      return runMixedLoad({
        url: this.#server?.url ?? '',
        ledger,
        random,
        name,
        pending: mine,
        pendingArrivals: pendingArrivals.filter((_, i) => i % CLIENTS === index),
        isOver: () => isOver,
        findings,
      })
    })
    const answers = this.ledger.records + this.#random.between(0, MOST_ANSWERS)
    await until(WARM_UP_MS, () => this.ledger.records >= answers)
    await sleep(this.#random.next() * LONGEST_ROUND_MS)
    isOver = true
    if (this.#server?.hasDied)
      this.findings.push({ kind: 'server-died', detail: this.#server.output.slice(-4000) })
    await this.kill()
    await Promise.all(clients)
    this.#recent = [...pending, ...entries.slice(before)]
    this.#recentArrivals = [...pendingArrivals, ...arrivals.slice(arrivalsBefore)]
  }

  async kill(): Promise<void> {
    await this.#server?.end('SIGKILL')
  }

  /** All that the last round touched, and some of what was before. */
  async check(): Promise<Finding[]> {
    const { entries, arrivals } = this.ledger
    const found = await checkEntries(this.#client(), this.#withOlder(this.#recent, entries))
    const recent = this.#withOlder(this.#recentArrivals, arrivals)
    return [...found, ...(await checkArrivals(this.#server?.url ?? '', recent))]
  }

  #withOlder<T>(recent: readonly T[], all: readonly T[]): T[] {
    const length = Math.min(OLDER_FILES_PER_ROUND, all.length)
    return [...new Set([...recent, ...Array.from({ length }, () => this.#random.pick(all))])]
  }

  async checkAll(): Promise<Finding[]> {
    const found = await checkEntries(this.#client(), this.ledger.entries)
    found.push(...(await checkArrivals(this.#server?.url ?? '', this.ledger.arrivals)))
    return [...found, ...(await checkListing(this.#client(), this.ledger))]
  }

  completed(): readonly LedgerEntry[] {
    return this.ledger.entries.filter(({ final }) => final === 'COMPLETED')
  }

  async dispose(): Promise<void> {
    await this.kill()
    await this.ledger.close()
  }
}

async function timeEmptyStart(dataDir: string): Promise<number> {
  await mkdir(dataDir)
  const server = await ServerProcess.start({ dataDir, settings })
  await server.end('SIGKILL')
  return server.startMs
}
