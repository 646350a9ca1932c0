/** What uploads hold of a quota when the database goes away under them, in every way, and comes back. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { TestServer } from '../harness.ts'
import { BOUNDARY, FILES, filePart, formOf, LlamaCloudClient, purposePart } from '../llamacloud-client.ts'
import { NODES_KEY, startNodes } from '../nodes.harness.ts'
import { PostgresServer } from '../postgres.ts'
import { RawConnection, readAnswer } from '../raw-http.ts'
import { isLong, onlyLong, rounds } from '../rounds.ts'
import { until } from '../until.ts'
import { setQuota, usageByRows, usageNow } from '../usage.ts'
import { FrozenPostgres } from './frozen-postgres.ts'

const ROUNDS = rounds({ short: 1, long: 3 })
/** What production has is waited for in the long run only. */
const timeouts = isLong ? '' : '?statement_timeout=2000&query_timeout=3000'
const PATIENCE_SECONDS = isLong ? 20 : 6
const HANG_MS = isLong ? 30_000 : 0
const RETURN_MS = 30_000
const QUOTA_FILES = 3
/** Too large for the database, so that it is counted before it is there. */
const form = formOf([purposePart(), filePart(Buffer.alloc(500_000))])
/** The last bytes of a body, without which it is not there. */
const TAIL_BYTES = 10

let postgres: PostgresServer
before(async () => {
  postgres = await PostgresServer.start()
})
after(() => postgres.stop('immediate'))

/** An upload whose last bytes a test holds back. */
class HeldUpload {
  readonly #connection: RawConnection

  private constructor(connection: RawConnection) {
    this.#connection = connection
  }

  static async begin(server: TestServer): Promise<HeldUpload> {
    const connection = await RawConnection.open(server.url)
    const head = [
      `POST ${FILES} HTTP/1.1`,
      'host: x',
      `authorization: Bearer ${NODES_KEY}`,
      `content-type: multipart/form-data; boundary=${BOUNDARY}`,
      `content-length: ${form.byteLength}`,
    ]
    connection.write(`${head.join('\r\n')}\r\n\r\n`)
    connection.write(form.subarray(0, -TAIL_BYTES))
    return new HeldUpload(connection)
  }

  /** @returns the status: 201, or a 503 that says when to come again */
  async finish(): Promise<number> {
    const begin = performance.now()
    this.#connection.write(form.subarray(-TAIL_BYTES))
    const { status, headers, body } = readAnswer(await this.#connection.until(/^HTTP[\s\S]*?\r\n\r\n/))
    this.#connection.end()
    const seconds = (performance.now() - begin) / 1000
    assert.ok(seconds < PATIENCE_SECONDS, `an answer took ${seconds} s`)
    if (status !== 201) {
      assert.equal(status, 503, body)
      assert.match(headers.get('retry-after') ?? '', /^[1-9]\d?$/)
    }
    return status
  }
}

/** Runs `whileAway` while the database is away, and has it back afterwards. */
type Outage = (whileAway: () => Promise<void>) => Promise<void>

const outages: Readonly<Record<string, Outage>> = {
  'is stopped': async (whileAway) => {
    await postgres.stop('immediate')
    await whileAway()
    await postgres.restart('immediate')
  },
  'is restarted at once': async (whileAway) => {
    await Promise.all([postgres.restart('immediate'), whileAway()])
  },
  hangs: async (whileAway) => {
    const frozen = await FrozenPostgres.whole(postgres)
    await Promise.all([whileAway(), sleep(HANG_MS)]).finally(() => frozen.thaw())
  },
}

async function beginUploads(servers: readonly TestServer[]): Promise<readonly HeldUpload[]> {
  const [first] = servers as [TestServer]
  const uploads = await Promise.all(servers.map((server) => HeldUpload.begin(server)))
  const areReserved = async () => (await usageNow(first)).files === uploads.length
  assert.ok(await until(10_000, areReserved), 'the uploads did not begin')
  return uploads
}

/** Waits until only files count. @returns how many there are */
async function untilFree(t: TestContext, server: TestServer): Promise<number> {
  const begin = performance.now()
  let files = 0
  const isFree = async () => {
    files = (await usageByRows(server)).files
    return (await usageNow(server)).files === files
  }
  assert.ok(await until(RETURN_MS, () => isFree().catch(() => false), 20), 'the quota is not given back')
  t.diagnostic(`every reservation was free ${Math.round(performance.now() - begin)} ms after the return`)
  return files
}

for (const [name, beAway] of Object.entries(outages))
  test(`what uploads reserved is free in seconds after the database ${name} under them`, {
    skip: name === 'hangs' && onlyLong,
  }, async (t) => {
    const settings = { ENTREPOT_DATABASE_URL: `${await postgres.newDatabase()}${timeouts}` }
    const nodes = await startNodes(t, QUOTA_FILES, settings)
    const servers = nodes.map(({ server }) => server)
    const [first] = servers as [TestServer]
    await setQuota(first, 'organization', { files: QUOTA_FILES })
    const client = new LlamaCloudClient(first, NODES_KEY)
    for (let round = 0; round < ROUNDS; round++) {
      const uploads = await beginUploads(servers)
      await beAway(async () => {
        const statuses = await Promise.all(uploads.map((upload) => upload.finish()))
        t.diagnostic(`the uploads got ${statuses}`)
      })
      const stored = await untilFree(t, first)
      for (let free = QUOTA_FILES - stored; free > 0; free--) await client.stored()
      const { body } = await client.query()
      assert.equal(body.items.length, QUOTA_FILES)
      for (const { id } of body.items) assert.equal((await client.delete(id)).status, 204)
    }
  })

test('on SQLite it is free once another process lets the database go', { skip: onlyLong }, async (t) => {
  const server = await TestServer.start({ ENTREPOT_DATABASE_URL: '', ENTREPOT_ROOT_KEY: NODES_KEY })
  t.after(() => server.stop())
  // One: each commit waits five seconds for the lock, and those of several uploads one after the other.
  const uploads = await beginUploads([server])
  const db = new DatabaseSync(join(server.dataDir, 'entrepot.db'))
  t.after(() => db.close())
  db.exec('begin immediate')
  const statuses = await Promise.all(uploads.map((upload) => upload.finish()))
  assert.deepEqual(statuses, [503])
  db.exec('rollback')
  assert.equal(await untilFree(t, server), 0)
})
