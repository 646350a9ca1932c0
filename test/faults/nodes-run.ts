import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { S3TestServer } from '../s3/server.ts'
import { SeededRandom } from '../seeded-random.ts'
import { until } from '../until.ts'
import { ApiClient } from './api-client.ts'
import type { Arrival } from './arrivals.ts'
import { checkEntries, checkListing } from './check-answers.ts'
import { checkArrivals } from './check-arrivals.ts'
import { createInVain, putInVain } from './doomed-requests.ts'
import type { Finding } from './finding.ts'
import type { Ledger, LedgerEntry } from './ledger.ts'
import { type MixedLoadOptions, runMixedLoad } from './mixed-load.ts'
import { NodesDatabase } from './nodes-database.ts'
import { ServerProcess } from './server-process.ts'

/** The names of files begin with whose clients made them. */
export const VICTIM = 'victim'
export const LIVING = 'living'
const LIVING_NAMES = ['one', 'two']
const CLIENTS_OF_THE_VICTIM = 4
const LONGEST_ROUND_MS = 800
/** The first requests of a server are slow: it is killed once it has done this much, or has had the time to. */
const LEAST_COMPLETED = 2
const WARM_UP_MS = 5000
const MIME_TYPE = 'application/octet-stream'
const MEBIBYTE = 1024 * 1024
/** More than a part of a multipart upload, the largest body that is sent at once. */
const LARGE_BYTES = 17 * MEBIBYTE
/** What the store does meanwhile is done for a dead server. */
const LATE_ANSWER_MS = 10_000
const CREATES_AT_ONCE = 20
const PATIENCE_MS = 30_000
/** Well above what is documented, and shorter than the lease of an idempotent request, which would end by itself. */
const BURIAL_MS = 50_000
const BURIAL_PAUSE_MS = 250

export interface NodesRunOptions {
  readonly folder: string
  /** Of all servers. */
  readonly settings: Readonly<Record<string, string>>
  readonly ledger: Ledger
  readonly s3: S3TestServer
  readonly seed: number
}

/** What clients of a server that died have begun. */
type Left = Pick<MixedLoadOptions, 'pending' | 'pendingArrivals'>
const nothing: Left = { pending: [], pendingArrivals: [] }

interface RunningNode {
  readonly server: ServerProcess
  readonly id: number
}

/** Three servers, of which one is killed and started again. */
export class NodesRun {
  readonly settings: Readonly<Record<string, string>>
  readonly ledger: Ledger
  readonly findings: Finding[] = []
  /** What was under way at the kills. */
  readonly left = { multiparts: 0, attempts: 0, requests: 0 }
  readonly #folder: string
  readonly #s3: S3TestServer
  readonly #random: SeededRandom
  readonly #database: NodesDatabase
  #living: readonly RunningNode[] = []
  #victim: RunningNode | undefined
  readonly #deadIds: number[] = []
  #lastKillAt = 0
  #isClosed = false
  /** Left pending by the victim's clients. */
  #left: Left = nothing

  constructor({ folder, settings, ledger, s3, seed }: NodesRunOptions) {
    this.#folder = folder
    this.settings = settings
    this.ledger = ledger
    this.#s3 = s3
    this.#random = new SeededRandom(seed)
    this.#database = new NodesDatabase(settings.ENTREPOT_DATABASE_URL ?? '')
  }

  async startAll(): Promise<void> {
    // The first server makes the schema, and leads: the jobs change hands with the first kill.
    this.#victim = await this.#start(VICTIM)
    const leads = async () => (await this.#database.leader()) === VICTIM
    assert.ok(await until(PATIENCE_MS, leads), 'the first server does not lead')
    this.#living = await Promise.all(LIVING_NAMES.map((name) => this.#start(name)))
  }

  async #start(name: string): Promise<RunningNode> {
    const dataDir = join(this.#folder, name)
    await mkdir(dataDir, { recursive: true })
    const url = new URL(this.settings.ENTREPOT_DATABASE_URL ?? '')
    url.searchParams.set('application_name', name)
    const settings = { ...this.settings, ENTREPOT_DATABASE_URL: url.href }
    const server = await ServerProcess.start({ dataDir, settings })
    for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await sleep(50)) {
      const id = await this.#database.nodeOf(name)
      if (id !== undefined) return { server, id }
    }
    await server.end('SIGKILL')
    throw new Error(`${name} holds no lock`)
  }

  #runLoad({ server }: RunningNode, name: string, left: Left, isOver: () => boolean): Promise<void> {
    const { ledger, findings } = this
    const random = this.#random.fork()
    return runMixedLoad({ url: server.url, ledger, random, name, ...left, isOver, findings })
  }

  /** Of a busy victim something of every kind is under way when it is killed. */
  async loadAndKill(round: number, isBusy: boolean): Promise<void> {
    this.#victim ??= await this.#start(VICTIM)
    const { entries, arrivals } = this.ledger
    const [before, arrivalsBefore] = [entries.length, arrivals.length]
    const pending = this.#left.pending.filter(({ created, final }) => created && !final)
    const pendingArrivals = this.#left.pendingArrivals.filter(({ link, final }) => link && !final)
    // Half of them go on at servers that did not begin them.
    const toOthers = pendingArrivals.filter((_arrival, n) => n % 2 === 0)
    const toVictim = pendingArrivals.filter((_arrival, n) => n % 2 === 1)
    let isOver = false
    const living = this.#living.map((node, i) => {
      const mine = toOthers.filter((_arrival, n) => n % this.#living.length === i)
      const left = { ...nothing, pendingArrivals: mine }
      return this.#runLoad(node, `${LIVING}-${round}-${i}`, left, () => isOver)
    })
    const left = { pending, pendingArrivals: toVictim }
    await this.#workAndDie(this.#victim, `${VICTIM}-${round}`, left, isBusy)
    const isMine = ({ filename }: LedgerEntry | Arrival) => filename.startsWith(VICTIM)
    const mine = entries.slice(before).filter(isMine)
    const mineArriving = [...toVictim, ...arrivals.slice(arrivalsBefore).filter(isMine)]
    this.#left = {
      pending: mine.filter(({ sizeBytes }) => sizeBytes < LARGE_BYTES),
      pendingArrivals: mineArriving,
    }
    const url = this.#anyUrl()
    const settled = [...pending, ...mine].filter(isSettled)
    this.findings.push(...(await checkEntries(new ApiClient(url), settled)))
    this.findings.push(...(await checkArrivals(url, mineArriving)))
    isOver = true
    await Promise.all(living)
  }

  async #workAndDie(
    victim: RunningNode,
    name: string,
    { pending, pendingArrivals }: Left,
    isBusy: boolean,
  ): Promise<void> {
    const openBefore = new Set(this.#s3.uploads.keys())
    let isKilled = false
    const clients: Promise<unknown>[] = Array.from({ length: CLIENTS_OF_THE_VICTIM }, (_, i) => {
      const isMine = (_entry: unknown, n: number) => n % CLIENTS_OF_THE_VICTIM === i
      const left = { pending: pending.filter(isMine), pendingArrivals: pendingArrivals.filter(isMine) }
      return this.#runLoad(victim, `${name}-${i}`, left, () => isKilled)
    })
    const half = { filename: `${name}-half.bin`, mimeType: MIME_TYPE, sizeBytes: MEBIBYTE }
    clients.push(putInVain(this, victim.server.url, half, MEBIBYTE / 2))
    await this.#untilWarm(name)
    if (isBusy) clients.push(...(await this.#beginLarge(victim, name)))
    await sleep(this.#random.next() * LONGEST_ROUND_MS)
    if (isBusy) clients.push(...(await this.#stopAmidCreates(victim, name)))
    isKilled = true
    this.#victim = undefined
    this.#lastKillAt = performance.now()
    await victim.server.end('SIGKILL')
    await Promise.all(clients)
    await this.#noteDeath(victim, openBefore)
  }

  async #untilWarm(name: string): Promise<void> {
    const hasWorked = () =>
      this.ledger.entries.filter(({ filename, final }) => final === 'COMPLETED' && filename.startsWith(name))
        .length >= LEAST_COMPLETED
    await until(WARM_UP_MS, hasWorked)
  }

  /** Of two bodies of several parts one lacks its end, and the other is whole but for the store's last answer. */
  async #beginLarge(victim: RunningNode, name: string): Promise<Promise<void>[]> {
    const { uploads, calls } = this.#s3
    const [openBefore, callsBefore] = [uploads.size, calls.length]
    this.#s3.break({ operation: 'CompleteMultipartUpload', effect: { delayMs: LATE_ANSWER_MS } })
    const puts = [LARGE_BYTES - 1, LARGE_BYTES].map((sentBytes) =>
      putInVain(
        this,
        victim.server.url,
        { filename: `${name}-large-${sentBytes}.bin`, mimeType: MIME_TYPE, sizeBytes: LARGE_BYTES },
        sentBytes,
      ),
    )
    const areOpen = () =>
      uploads.size === openBefore + puts.length && calls.includes('CompleteMultipartUpload', callsBefore)
    assert.ok(await until(PATIENCE_MS, areOpen), 'no multipart uploads are under way')
    return puts
  }

  /** Stops the server for good, at a moment at which it has reserved answers and not given them. */
  async #stopAmidCreates(victim: RunningNode, name: string): Promise<Promise<unknown>[]> {
    const creates: Promise<unknown>[] = []
    const isAmid = async () => {
      process.kill(victim.server.pid, 'SIGCONT')
      const more = Array.from({ length: CREATES_AT_ONCE }, (_, i) => {
        const filename = `${name}-${creates.length}-last-${i}.bin`
        const file = { filename, mimeType: MIME_TYPE, sizeBytes: 1, idempotencyKey: randomUUID() }
        return createInVain(this, victim.server.url, this.ledger.add(file))
      })
      creates.push(...more)
      await Promise.race(more)
      process.kill(victim.server.pid, 'SIGSTOP')
      const isIdle = async () => !(await this.#database.isBusyFor(VICTIM))
      assert.ok(await until(PATIENCE_MS, isIdle), 'the database works for a server that is stopped')
      return (await this.#database.heldBy([victim.id])).requests > 0
    }
    assert.ok(await until(PATIENCE_MS, isAmid), 'no idempotent requests are under way')
    return creates
  }

  /** A commit that was under way when its server died is decided when its session has ended. */
  async #noteDeath({ id }: RunningNode, openBefore: ReadonlySet<string>): Promise<void> {
    const isForgotten = async () => !(await this.#database.hasSessionOf(VICTIM))
    assert.ok(await until(PATIENCE_MS, isForgotten), 'sessions of the dead go on')
    const { attempts, requests } = await this.#database.heldBy([id])
    this.left.multiparts += [...this.#s3.uploads.keys()].filter((upload) => !openBefore.has(upload)).length
    this.left.attempts += attempts
    this.left.requests += requests
    this.#deadIds.push(id)
  }

  #anyUrl(): string {
    return this.#random.pick(this.#living).server.url
  }

  /**
   * One of the living leads, and has found out who is dead and taken what those held.
   * @returns how long after the last kill, in milliseconds
   */
  async untilBuried(): Promise<number> {
    const expected = {
      nodes: new Set(this.#living.map(({ id }) => id)),
      leaderLives: true,
      attempts: 0,
      requests: 0,
    }
    let found: unknown
    const isBuried = async () => {
      found = await this.#findNodes()
      return isDeepStrictEqual(found, expected)
    }
    await until(BURIAL_MS, isBuried, BURIAL_PAUSE_MS)
    assert.deepEqual(found, expected)
    return performance.now() - this.#lastKillAt
  }

  async #findNodes() {
    const [nodes, leader, held] = await Promise.all([
      this.#database.nodes(),
      this.#database.leader(),
      this.#database.heldBy(this.#deadIds),
    ])
    return {
      nodes: new Set(nodes),
      leaderLives: leader !== undefined && LIVING_NAMES.includes(leader),
      ...held,
    }
  }

  /** Of the attempts that were under way at the kills those that the living have taken. */
  listTaken(): Promise<string[]> {
    return this.#database.listTakenFrom(this.#deadIds)
  }

  /** Through both. */
  async checkAll(): Promise<Finding[]> {
    const found: Finding[] = []
    for (const { server } of this.#living) {
      found.push(...(await checkEntries(new ApiClient(server.url), this.ledger.entries)))
      found.push(...(await checkArrivals(server.url, this.ledger.arrivals)))
    }
    return [...found, ...(await checkListing(new ApiClient(this.#anyUrl()), this.ledger))]
  }

  async dispose(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await Promise.all([...this.#living, this.#victim].map((node) => node?.server.end('SIGKILL')))
    await this.ledger.close()
  }
}

/** Whoever repeats an idempotent request of a server that died is told for some time that it is still running. */
function isSettled({ created, idempotencyKey }: LedgerEntry): boolean {
  return created !== undefined || idempotencyKey === undefined
}
