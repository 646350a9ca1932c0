/**
 * Three servers on one PostgreSQL and one bucket. One of them is killed with `kill -9` again and again, under load, while the
 * other two go on: nothing acknowledged may be lost, and no client of the two may notice.
 *
 * `npm test` runs a few rounds. The long run:
 *
 *   ENTREPOT_FAULT_ROUNDS=200 node --test test/faults/nodes.test.ts
 */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Environment } from '../../src/config-reader.ts'
import { newDatabase, query } from '../postgres.ts'
import { S3TestServer } from '../s3/server.ts'
import { s3Settings } from '../s3/settings.ts'
import { SeededRandom } from '../seeded-random.ts'
import { ApiClient, type CreatedBody, PUBLIC_URL } from './api-client.ts'
import { checkEntries, checkListing } from './check-answers.ts'
import { reconcileAhead, withStores } from './check-stores.ts'
import type { Finding } from './finding.ts'
import { Ledger, type LedgerEntry } from './ledger.ts'
import { runMixedLoad } from './mixed-load.ts'
import { ServerProcess } from './server-process.ts'

const ROUNDS = Number(process.env.ENTREPOT_FAULT_ROUNDS ?? 2)
const SEED = Number(process.env.ENTREPOT_FAULT_SEED ?? Math.floor(Math.random() * 2 ** 32))
const CLIENTS_OF_THE_VICTIM = 4
const LONGEST_ROUND_MS = 800
/** More than one part of a multipart upload. */
const LARGE_BYTES = 17 * 1024 * 1024
const ROUNDS_BETWEEN_LARGE = 8
const VICTIM = 'victim'
const LIVING = 'living'
/** The first requests of a server are slow: it is killed once it has done this much, or has had the time to. */
const LEAST_COMPLETED = 2
const WARM_UP_MS = 5000

test(`two servers notice nothing of ${ROUNDS} kills of a third`, async (t) => {
  t.diagnostic(`seed ${SEED}`)
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-nodes-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const s3 = await S3TestServer.start()
  t.after(() => s3.stop())
  const shared = {
    ENTREPOT_PUBLIC_URL: PUBLIC_URL,
    ENTREPOT_GRPC_PORT: 'off',
    ENTREPOT_DATABASE_URL: await newDatabase(),
    ...(s3Settings(s3) as Record<string, string>),
  }
  const run = new NodesRun(folder, shared, await Ledger.open(join(folder, 'ledger')))
  t.after(() => run.dispose())
  await run.startLiving()
  for (let round = 0; round < ROUNDS; round++) {
    await run.loadAndKill(round)
    assert.deepEqual(run.findings, [], `in round ${round}, seed ${SEED}`)
  }
  assert.deepEqual(await run.checkAll(), [], `at the end, seed ${SEED}`)
  await run.dispose()

  const { damaged, orphans, files } = await reconcileAhead(folder, run.settings)
  assert.deepEqual({ damaged, orphans }, { damaged: [], orphans: [] })
  assert.equal(files, run.ledger.entries.filter(({ final }) => final === 'COMPLETED').length)
  const keys = await withStores(folder, referencedKeys, run.settings)
  const objects = [...s3.objects.keys()].map((name) => name.split('/').at(-1) ?? '')
  assert.deepEqual(objects.filter((name) => /^[0-9a-f]{32}$/.test(name)).sort(), keys.sort())
  assert.equal(s3.uploads.size, 0, 'multipart uploads are left')
  assert.deepEqual(await query(shared.ENTREPOT_DATABASE_URL, 'select key from unreferenced_blobs'), [])
  const [ofVictim, ofLiving] = [run.completedBy(VICTIM), run.completedBy(LIVING)]
  t.diagnostic(
    `${run.ledger.entries.length} files; completed: ${ofLiving} by the two, ${ofVictim} by the third`,
  )
  assert.ok(ofVictim > 0 && ofLiving > 0)
})

async function referencedKeys({ metadata }: Parameters<Parameters<typeof withStores>[1]>[0]) {
  const keys: string[] = []
  for (;;) {
    const page = await metadata.listReferencedBlobs(keys.at(-1), 500)
    keys.push(...page.map(({ key }) => key))
    if (page.length < 500) return keys
  }
}

class NodesRun {
  readonly settings: Readonly<Record<string, string>>
  readonly ledger: Ledger
  readonly findings: Finding[] = []
  readonly #folder: string
  readonly #random = new SeededRandom(SEED)
  #living: readonly ServerProcess[] = []
  #victim: ServerProcess | undefined
  #isClosed = false
  /** Left pending by the victim's clients. */
  #pending: LedgerEntry[] = []

  constructor(folder: string, settings: Readonly<Record<string, string>>, ledger: Ledger) {
    this.#folder = folder
    this.settings = settings
    this.ledger = ledger
  }

  completedBy(name: string): number {
    return this.ledger.entries.filter(
      ({ filename, final }) => final === 'COMPLETED' && filename.startsWith(name),
    ).length
  }

  async startLiving(): Promise<void> {
    // The first server makes the schema, and leads: the jobs change hands with the first kill.
    this.#victim = await this.#start(VICTIM)
    this.#living = await Promise.all(['one', 'two'].map((name) => this.#start(name)))
  }

  async #start(name: string): Promise<ServerProcess> {
    const dataDir = join(this.#folder, name)
    await mkdir(dataDir, { recursive: true })
    const url = new URL(this.settings.ENTREPOT_DATABASE_URL ?? '')
    url.searchParams.set('application_name', name)
    const settings: Environment = { ...this.settings, ENTREPOT_DATABASE_URL: url.href }
    return ServerProcess.start({ dataDir, settings: settings as Record<string, string> })
  }

  #runLoad(
    server: ServerProcess,
    name: string,
    pending: LedgerEntry[],
    isOver: () => boolean,
  ): Promise<void> {
    const client = new ApiClient(server.url)
    const { ledger, findings } = this
    return runMixedLoad({ client, ledger, random: this.#random.fork(), name, pending, isOver, findings })
  }

  async loadAndKill(round: number): Promise<void> {
    this.#victim ??= await this.#start(VICTIM)
    const victim = this.#victim
    const before = this.ledger.entries.length
    let [isOver, isKilled] = [false, false]
    const living = this.#living.map((server, i) =>
      this.#runLoad(server, `${LIVING}-${round}-${i}`, [], () => isOver),
    )
    const pending = this.#pending.filter(({ created, final }) => created && !final)
    const clients = Array.from({ length: CLIENTS_OF_THE_VICTIM }, (_, i) => {
      const mine = pending.filter((_entry, n) => n % CLIENTS_OF_THE_VICTIM === i)
      return this.#runLoad(victim, `${VICTIM}-${round}-${i}`, mine, () => isKilled)
    })
    if (round % ROUNDS_BETWEEN_LARGE === 1) clients.push(this.#putLarge(victim, round))
    await this.#untilWarm(before)
    await sleep(this.#random.next() * LONGEST_ROUND_MS)
    isKilled = true
    this.#victim = undefined
    await victim.end('SIGKILL')
    await Promise.all(clients)
    await this.#untilForgotten()
    const mine = this.ledger.entries.slice(before).filter(({ filename }) => filename.startsWith(VICTIM))
    this.#pending = mine.filter(({ sizeBytes }) => sizeBytes < LARGE_BYTES)
    this.findings.push(...(await checkEntries(this.#anyLiving(), [...pending, ...mine].filter(isSettled))))
    isOver = true
    await Promise.all(living)
  }

  async #untilWarm(before: number): Promise<void> {
    const end = performance.now() + WARM_UP_MS
    const hasWorked = () =>
      this.ledger.entries
        .slice(before)
        .filter(({ filename, final }) => final === 'COMPLETED' && filename.startsWith(VICTIM)).length >=
      LEAST_COMPLETED
    while (!hasWorked() && performance.now() < end) await sleep(10)
  }

  async #putLarge(server: ServerProcess, round: number): Promise<void> {
    const client = new ApiClient(server.url)
    const entry = this.ledger.add({
      filename: `${VICTIM}-${round}-large.bin`,
      mimeType: 'application/octet-stream',
      sizeBytes: LARGE_BYTES,
      idempotencyKey: undefined,
    })
    try {
      const { status, text } = await client.create(entry)
      if (status !== 200) return
      entry.created = JSON.parse(text) as CreatedBody
      await client.put(entry.created.uploadUrl, entry.mimeType, Buffer.alloc(LARGE_BYTES))
    } catch {
      // It was killed, which is what this is for.
    }
  }

  /** A commit that was under way when its server died is decided when its session has ended. */
  async #untilForgotten(): Promise<void> {
    const sessions = () =>
      query(
        this.settings.ENTREPOT_DATABASE_URL ?? '',
        'select from pg_stat_activity where datname = current_database() and application_name = $1',
        [VICTIM],
      )
    while ((await sessions()).length > 0) await sleep(10)
  }

  #anyLiving(): ApiClient {
    return new ApiClient(this.#random.pick(this.#living).url)
  }

  /** Through both, once the leases of idempotent requests that were never answered are over. */
  async checkAll(): Promise<Finding[]> {
    const { ENTREPOT_DATABASE_URL = '' } = this.settings
    await query(ENTREPOT_DATABASE_URL, 'update answers set free_at = 0 where status is null')
    const found: Finding[] = []
    for (const { url } of this.#living)
      found.push(...(await checkEntries(new ApiClient(url), this.ledger.entries)))
    return [...found, ...(await checkListing(this.#anyLiving(), this.ledger))]
  }

  async dispose(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await Promise.all([...this.#living, this.#victim].map((server) => server?.end('SIGKILL')))
    await this.ledger.close()
  }
}

/** Whoever repeats an idempotent request of a server that died is told for a minute that it is still running. */
function isSettled({ created, idempotencyKey }: LedgerEntry): boolean {
  return created !== undefined || idempotencyKey === undefined
}
