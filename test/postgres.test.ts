import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { entrepot, newDataDir, Running, startEntrepot } from './cli.harness.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient, putBytes } from './lightfield-client.ts'
import { newDatabase, PostgresServer, query } from './postgres.ts'
import { until } from './until.ts'

async function startServer(t: TestContext, url: string): Promise<TestServer> {
  const server = await TestServer.start({ ENTREPOT_DATABASE_URL: url })
  t.after(() => server.stop())
  return server
}

async function readiness(server: TestServer): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${server.url}/readyz`)
  return { status: response.status, body: await response.json() }
}

test('a server is ready while its database is, and again once it is back, without a restart', async (t) => {
  const postgres = await PostgresServer.start()
  t.after(() => postgres.stop('immediate'))
  const server = await startServer(t, await postgres.newDatabase())
  const client = new LightfieldClient(server)
  assert.deepEqual(await readiness(server), { status: 200, body: { status: 'ready' } })
  await postgres.stop('immediate')
  // A check that went well stands for some seconds.
  const isUnready = async () => (await readiness(server)).status === 503
  assert.ok(await until(10_000, isUnready, 100), 'it stays ready')
  const problems = ['database does not answer']
  assert.deepEqual((await readiness(server)).body, { status: 'not ready', problems })
  assert.equal((await client.create()).status, 503)
  await postgres.restart('fast')
  for (let i = 0; (await readiness(server)).status !== 200; i++) {
    assert.ok(i < 100, 'it is not ready again')
    await sleep(20)
  }
  assert.equal((await client.create()).status, 200)
})

test('a server takes no more connections than it says, whatever comes', async (t) => {
  const url = await newDatabase()
  const server = await startServer(t, url)
  const client = new LightfieldClient(server)
  let isOver = false
  let most = 0
  const counting = (async () => {
    while (!isOver) {
      const [row] = await query<{ count: number }>(
        url,
        "select count(*)::int from pg_stat_activity where application_name = 'entrepot' and datname = current_database()",
      )
      most = Math.max(most, row?.count ?? 0)
    }
  })()
  const answers = await Promise.all(
    Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? client.create() : client.list())),
  )
  isOver = true
  await counting
  for (const { status, text } of answers) assert.equal(status, 200, text)
  t.diagnostic(`${most} connections`)
  assert.ok(most <= 18 && most > 4, `${most} connections`)
})

test('two servers on one database and one data folder serve each other’s files and links', async (t) => {
  const [url, dataDir] = [await newDatabase(), await newDataDir(t)]
  const settings = {
    ENTREPOT_DATABASE_URL: url,
    ENTREPOT_DATA_DIR: dataDir,
    ENTREPOT_ROOT_KEY: 'key-of-two-servers',
    ENTREPOT_PORT: '0',
    ENTREPOT_GRPC_PORT: 'off',
    ENTREPOT_METRICS_PORT: 'off',
  }
  const start = async () => {
    const running = new Running(startEntrepot(['serve'], settings))
    t.after(() => running.child.kill('SIGKILL'))
    return running.printed((text) => /"http":"([^"]+)"/.exec(text)?.[1])
  }
  const urls = await Promise.all([start(), start()])
  const [one, other] = urls.map(
    (serverUrl) => new LightfieldClient({ url: serverUrl ?? '', key: settings.ENTREPOT_ROOT_KEY }),
  )
  if (one === undefined || other === undefined) throw new Error('there are two')
  for (const [here, there, hereUrl, thereUrl] of [
    [one, other, urls[0], urls[1]],
    [other, one, urls[1], urls[0]],
  ] as const) {
    const created = await here.create()
    // The link of the one, at the address of the other.
    const uploadUrl = created.body.uploadUrl.replace(hereUrl ?? '', thereUrl ?? '')
    assert.equal((await putBytes({ ...created.body, uploadUrl })).status, 200)
    assert.equal((await there.complete(created.body.id)).status, 200)
    assert.equal((await here.complete(created.body.id)).body.status, 'COMPLETED')
  }
})

test('the commands work on a database, and tell what keeps them from it in one line', async (t) => {
  const settings = { ENTREPOT_DATABASE_URL: await newDatabase(), ENTREPOT_DATA_DIR: await newDataDir(t) }
  const made = /^A new installation was made: PostgreSQL 127\.0\.0\.1:\d+\/\w+\.\nThe schema is current\.\n$/
  assert.match((await entrepot(['migrate', '--init'], settings)).stdout, made)
  assert.match((await entrepot(['key', 'create'], settings)).stdout, /^ek_\w+\n$/)
  const { ENTREPOT_DATA_DIR, ENTREPOT_DATABASE_URL } = settings
  const flagged = await entrepot(['key', 'list', '--json', '--database-url', ENTREPOT_DATABASE_URL], {
    ENTREPOT_DATA_DIR,
  })
  assert.equal(JSON.parse(flagged.stdout).length, 1)
  const { status, stdout } = await entrepot(['doctor'], settings)
  assert.deepEqual([status, /Database and bytes agree/.test(stdout)], [0, true])
  const missing = new URL(ENTREPOT_DATABASE_URL)
  missing.pathname = '/missing'
  const failed = await entrepot(['serve', '--port', '0'], {
    ...settings,
    ENTREPOT_DATABASE_URL: missing.href,
  })
  assert.deepEqual([failed.status, failed.stdout], [1, ''])
  assert.match(
    failed.stderr,
    /^error: The database server \S+ has no database "missing"; create it first\.\n$/,
  )
  const wrong = await entrepot(['serve'], {
    ...settings,
    ENTREPOT_DATABASE_URL: 'mysql://root:sesame@localhost/x',
  })
  const sentence = 'ENTREPOT_DATABASE_URL must be like postgres://user:password@host:5432/database.'
  assert.deepEqual(wrong, { status: 2, stdout: '', stderr: `error: ${sentence}\n` })
})
