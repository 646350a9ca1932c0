/** What clients meet while PostgreSQL is away, hangs, or hangs in part, and when it is back. */
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { TestServer } from '../harness.ts'
import { type Answer, LightfieldClient, ok, putBytes } from '../lightfield-client.ts'
import { newFolder } from '../new-folder.ts'
import { PostgresServer } from '../postgres.ts'
import { isLong, onlyLong } from '../rounds.ts'
import { SeededRandom } from '../seeded-random.ts'
import { offsetAt, patch, TusClient } from '../tus-client.ts'
import { until } from '../until.ts'
import { settledUsage } from '../usage.ts'
import { codeOf, withGrpc, YandexClient } from '../yandex-client.ts'
import { ApiClient } from './api-client.ts'
import { fileIdOf } from './arrival-client.ts'
import { prepareEveryRequest, sendAll, type Timed } from './every-request.ts'
import { FrozenPostgres } from './frozen-postgres.ts'
import { ServerProcess } from './server-process.ts'

const UNAVAILABLE = 14
const PIECE_BYTES = 70_000
const UNKNOWN = 'fil_0000000000000000000000000'
/** In production fifteen and seventeen; nobody should wait for as long in a test. */
const shortTimeouts = 'statement_timeout=2000&query_timeout=3000'
/** In production 20: one commit or read that fails, and cleaning up behind it. */
const PATIENCE_SECONDS = 10
const RECOVERY_SECONDS = 5
/** Within seconds; the clock of the server stands still meanwhile. */
const FREEING_MS = 15_000
/** Longer than a query may take; in a long run longer than anything that is tried again. */
const HANG_MS = isLong ? 9_000 : 3_500
/** Longer than a statement may take. */
const HANG_IN_PART_MS = 4000

let postgres: PostgresServer
before(async () => {
  postgres = await PostgresServer.start()
})
after(() => postgres.stop('immediate'))

async function startServer(t: TestContext, url: string): Promise<TestServer> {
  const server = await TestServer.start({
    ...withGrpc,
    ENTREPOT_DATABASE_URL: `${url}?${shortTimeouts}`,
    // Counted as in production, but never short: the clock stands still, so that nothing flows in.
    ENTREPOT_RATE_LIMITS: '100000',
  })
  t.after(() => server.stop())
  return server
}

async function statusOf(server: TestServer, path: string): Promise<number> {
  const response = await fetch(server.url + path)
  await response.arrayBuffer()
  return response.status
}

/** A 503 that says when to come again. */
function assertUnavailable({ name, answer, seconds }: Timed): void {
  assert.equal(answer.status, 503, `${name}: ${answer.text}`)
  assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d?$/, name)
  assert.ok(seconds < PATIENCE_SECONDS, `${name} took ${seconds} s`)
}

async function assertRecovers(server: TestServer): Promise<void> {
  const begin = performance.now()
  while ((await statusOf(server, '/readyz')) !== 200) await sleep(50)
  assert.ok(performance.now() - begin < RECOVERY_SECONDS * 1000, 'it is not ready soon enough')
  for (const { name, answer } of await sendAll(await prepareEveryRequest(server)))
    assert.ok(answer.status < 300, `${name}: ${answer.text}`)
}

for (const name of ['hangs', 'is killed'] as const)
  test(`while the database ${name} each request is told so in time, and soon after nobody is`, async (t) => {
    const server = await startServer(t, await postgres.newDatabase())
    const requests = await prepareEveryRequest(server)
    const grpc = YandexClient.of(server)
    t.after(() => grpc.close())
    await grpc.list()
    const upload = await beginUpload(server)
    const frozen = name === 'hangs' ? await FrozenPostgres.whole(postgres) : undefined
    if (frozen === undefined) await postgres.stop('immediate')
    const [timed, piece, code, readiness, health] = await Promise.all([
      sendAll(requests),
      upload.append(PIECE_BYTES),
      codeOf(grpc.list()),
      statusOf(server, '/readyz'),
      statusOf(server, '/healthz'),
    ]).finally(() => frozen?.thaw())
    for (const each of [...timed, { name: 'a piece', answer: piece, seconds: 0 }]) assertUnavailable(each)
    assert.deepEqual([code, readiness, health], [UNAVAILABLE, 503, 200])

    if (frozen === undefined) await postgres.restart('immediate')
    await assertRecovers(server)
    await upload.finish()
    // Whatever was refused was not done, or was done whole: everything that is counted is there.
    await settledUsage(server)
  })

/** An upload of three pieces, of which the first has come. */
async function beginUpload(server: TestServer) {
  const content = new SeededRandom(1).bytes(3 * PIECE_BYTES)
  const link = await new TusClient(server).created(content.length)
  const append = (offset: number) => patch(link, offset, content.subarray(offset, offset + PIECE_BYTES))
  assert.equal((await append(0)).status, 204)
  /** A piece whose answer was an error may have come. */
  const finish = async () => {
    const offset = await offsetAt(link)
    assert.ok(offset === PIECE_BYTES || offset === 2 * PIECE_BYTES, `the upload goes on at ${offset}`)
    for (let at = offset; at < content.length; at += PIECE_BYTES) assert.equal((await append(at)).status, 204)
    const field = new LightfieldClient(server)
    const download = await fetch(await field.link(fileIdOf(link)))
    assert.ok(content.equals(await download.bytes()))
  }
  return { append, finish }
}

/** Clients that make files one after the other, each under a key of its own, and take a 503 for an answer. */
class Load {
  readonly #client: LightfieldClient
  /** The id that was told, by key; undefined if none was. */
  readonly created = new Map<string, string | undefined>()
  readonly completed: string[] = []
  #isOver = false

  constructor(client: LightfieldClient) {
    this.#client = client
  }

  start(clients: number): () => Promise<void> {
    const running = Array.from({ length: clients }, (_, i) => this.#run(i))
    return async () => {
      this.#isOver = true
      await Promise.all(running)
    }
  }

  async #run(client: number): Promise<void> {
    for (let i = 0; !this.#isOver; i++) {
      const key = `${client}-${i}`
      this.created.set(key, undefined)
      const upload = await this.#send(() => this.create(key))
      if (upload === undefined) continue
      this.created.set(key, upload.body.id)
      if ((await this.#send(() => putBytes(upload.body))) === undefined) continue
      const done = await this.#send(() => this.#client.complete(upload.body.id))
      if (done !== undefined) this.completed.push(done.body.id)
    }
  }

  create(key: string) {
    return this.#client.create({}, { 'idempotency-key': key })
  }

  /** A request that could not even free its key does so once the database is back. */
  async createOnceFree(key: string) {
    let answer = await this.create(key)
    const isFree = async () => {
      if (answer.status === 409) answer = await this.create(key)
      return answer.status !== 409
    }
    await until(FREEING_MS, isFree, 50)
    return answer
  }

  /** Undefined if it was refused as it may be. */
  async #send<T>(send: () => Promise<Answer<T>>): Promise<Answer<T> | undefined> {
    const begin = performance.now()
    const answer = await send()
    const seconds = (performance.now() - begin) / 1000
    if (answer.status === 200) return answer
    assertUnavailable({ name: 'a request of the load', answer, seconds })
    return undefined
  }
}

const outages: Readonly<Record<string, (url: string) => Promise<void>>> = {
  hangs: async () => {
    const frozen = await FrozenPostgres.whole(postgres)
    await sleep(HANG_MS)
    frozen.thaw()
  },
  'hangs in part': async (url) => {
    const frozen = await FrozenPostgres.everySecondSession(url)
    await sleep(HANG_IN_PART_MS)
    frozen.thaw()
  },
  'is killed and started again': () => postgres.restart('immediate'),
}

test('nothing is lost, and nothing done twice, under a load while the database is away in every way', {
  skip: onlyLong,
}, async (t) => {
  const url = await postgres.newDatabase()
  const server = await startServer(t, url)
  const client = new LightfieldClient(server)
  const load = new Load(client)
  const stop = load.start(12)
  const untilMore = async () => {
    for (const goal = load.completed.length + 20; load.completed.length < goal; ) await sleep(10)
  }
  for (const [name, goAway] of Object.entries(outages)) {
    await untilMore()
    await goAway(url)
    t.diagnostic(`it ${name}: ${load.created.size} creates, ${load.completed.length} completed before`)
  }
  await untilMore()
  await stop()
  const ids = new Set<string>()
  for (const [key, told] of load.created) {
    const { id } = ok(await load.createOnceFree(key))
    ids.add(id)
    if (told !== undefined) assert.equal(id, told)
  }
  assert.equal(ids.size, load.created.size)
  assert.equal(ok(await client.list()).totalCount, ids.size)
  for (const id of load.completed) assert.equal(ok(await client.retrieve(id)).status, 'COMPLETED')
  await settledUsage(server)
})

test('a server stops in time, and with 0, while its database hangs', { skip: onlyLong }, async (t) => {
  const folder = newFolder('entrepot-outage-')
  const dataDir = join(folder, 'data')
  await mkdir(dataDir)
  const url = await postgres.newDatabase()
  const settings = { ENTREPOT_DATABASE_URL: `${url}?${shortTimeouts}`, ENTREPOT_GRPC_PORT: 'off' }
  const server = await ServerProcess.start({ dataDir, settings })
  t.after(() => server.end('SIGKILL'))
  const frozen = await FrozenPostgres.whole(postgres)
  try {
    const request = new ApiClient(server.url).retrieve(UNKNOWN)
    // Once a later request is answered, on a connection of its own, this one is under way.
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200)
    const begin = performance.now()
    assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null }, server.output)
    assert.ok(performance.now() - begin < 30_000)
    assert.equal((await request).status, 503)
  } finally {
    frozen.thaw()
  }
})
