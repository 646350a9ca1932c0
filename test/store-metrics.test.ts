import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { TestServer } from './harness.ts'
import { LightfieldClient, ok, putBytes } from './lightfield-client.ts'
import { newDatabase } from './postgres.ts'
import { S3TestServer } from './s3/server.ts'
import { s3Settings } from './s3/settings.ts'

interface Started {
  readonly s3: S3TestServer
  readonly client: LightfieldClient
  readonly count: (metric: string, operation: string, outcome: string) => Promise<number>
  readonly text: () => Promise<string>
}

async function start(t: TestContext, settings: Record<string, string> = {}): Promise<Started> {
  const s3 = await S3TestServer.start()
  t.after(() => s3.stop())
  const bytes = { ...s3Settings(s3), ENTREPOT_INLINE_BYTES: '0' }
  const server = await TestServer.start({ ...bytes, ENTREPOT_METRICS_PORT: '0', ...settings })
  t.after(() => server.stop())
  const text = async () => (await fetch(server.app.metricsUrl ?? '')).text()
  const count = async (metric: string, operation: string, outcome: string) => {
    const line = `entrepot_${metric}_call_duration_seconds_count{operation="${operation}",outcome="${outcome}"} `
    const found = (await text()).split('\n').find((one) => one.startsWith(line))
    return found === undefined ? 0 : Number(found.slice(line.length))
  }
  return { s3, client: new LightfieldClient(server), count, text }
}

test('each attempt at the bucket is counted by its operation and outcome', async (t) => {
  const { s3, client, count } = await start(t)
  const puts = () => count('s3', 'PutObject', 'ok')
  const before = await puts()
  const { id } = await client.stored()
  assert.equal((await puts()) - before, 1)
  s3.break({ operation: 'PutObject', effect: { status: 503, code: 'SlowDown' } })
  await client.stored()
  assert.equal((await puts()) - before, 2)
  assert.equal(await count('s3', 'PutObject', 'failed'), 1)
  s3.break({ operation: 'PutObject', effect: 'reset' })
  await client.stored()
  assert.equal(await count('s3', 'PutObject', 'unanswered'), 1)
  // The start has tried a condition that does not hold.
  const refused = await count('s3', 'PutObject', 'refused')
  s3.break({ operation: 'PutObject', effect: { status: 403, code: 'AccessDenied' } })
  assert.equal((await putBytes(await client.pending())).status, 503)
  assert.equal((await count('s3', 'PutObject', 'refused')) - refused, 1)
  const downloads = await count('s3', 'GetObject', 'ok')
  await (await fetch(await client.link(id))).text()
  assert.equal((await count('s3', 'GetObject', 'ok')) - downloads, 1)
})

test('URLs that the bucket signs are no calls', async (t) => {
  const { client, count } = await start(t, { ENTREPOT_DIRECT_TRANSFER: 'on' })
  const [puts, unanswered] = [
    await count('s3', 'PutObject', 'ok'),
    await count('s3', 'PutObject', 'unanswered'),
  ]
  assert.equal((await putBytes(await client.pending())).status, 200)
  assert.deepEqual(
    [await count('s3', 'PutObject', 'ok'), await count('s3', 'PutObject', 'unanswered')],
    [puts, unanswered],
  )
})

test('reads and commits on PostgreSQL are counted by their outcome, and who waits for a connection', async (t) => {
  const { client, count, text } = await start(t, { ENTREPOT_DATABASE_URL: await newDatabase() })
  const [reads, commits] = [await count('database', 'read', 'ok'), await count('database', 'commit', 'ok')]
  const { id } = await client.pending()
  ok(await client.retrieve(id))
  assert.ok((await count('database', 'read', 'ok')) > reads)
  // The jobs commit, too.
  assert.ok((await count('database', 'commit', 'ok')) > commits)
  assert.match(await text(), /^entrepot_database_waiting_calls 0$/m)
})

test('the documentation lists the metrics that are there, and no others', async (t) => {
  // Some are only with PostgreSQL, and one only with an emulator.
  const servers: Record<string, string>[] = [
    { ENTREPOT_DATABASE_URL: await newDatabase() },
    { ENTREPOT_EMULATOR: 'on' },
  ]
  const printed = new Set<string>()
  for (const settings of servers) {
    const { text } = await start(t, settings)
    for (const [, name = '', type] of (await text()).matchAll(/^# TYPE (\w+) (\w+)$/gm))
      if (!/^entrepot_(process|nodejs)_/.test(name)) printed.add(`${name} ${type}`)
  }
  const page = await readFile(new URL('../docs/operating.md', import.meta.url), 'utf8')
  const documented = [...page.matchAll(/^\| `(entrepot_\w+)` \| (?:shared )?(\w+)/gm)]
  assert.deepEqual(documented.map(([, name, type]) => `${name} ${type}`).sort(), [...printed].sort())
})
