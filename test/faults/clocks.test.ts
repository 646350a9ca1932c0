/**
 * Servers on one PostgreSQL and one bucket whose machines do not agree on the time. The one with the wrong clock is a process
 * of its own, and the one that runs the jobs.
 */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { type App, startApp } from '../../src/app/app.ts'
import { loadConfig } from '../../src/app/settings.ts'
import type { Environment } from '../../src/config/setting.ts'
import { DAY_MS, HOUR_MS } from '../../src/core/ports/clock.ts'
import { FollowedClock } from '../../src/core/time/followed-clock.ts'
import { parseFileId } from '../../src/dialects/all.ts'
import { PostgresNode } from '../../src/metadata/postgres/node.ts'
import { entrepot } from '../cli.harness.ts'
import { type CreatedFile, exchange, LightfieldClient, ok, putBytes } from '../lightfield-client.ts'
import { FILES, filePart, formOf, purposePart } from '../llamacloud-client.ts'
import { newFolder } from '../new-folder.ts'
import { newStores } from '../nodes.harness.ts'
import { query } from '../postgres.ts'
import { isLong, rounds } from '../rounds.ts'
import { until } from '../until.ts'
import { ROOT_KEY, ServerProcess } from './server-process.ts'

const SHIFTED_CLOCK = fileURLToPath(new URL('shifted-clock.ts', import.meta.url))
const ROUNDS = rounds({ short: 1, long: 3 })
const PATIENCE_MS = 20_000
const clocks = { '9 d ahead': 9 * DAY_MS, '2 h behind': -2 * HOUR_MS, '2 h ahead': 2 * HOUR_MS }
const CLOCKS = Object.entries(clocks).slice(0, isLong ? undefined : 2)

type Settings = Readonly<Record<string, string>>

/** A server in this process, with the right clock, that never leads. */
async function startGood(t: TestContext, stores: Environment): Promise<App> {
  t.mock.method(PostgresNode.prototype, 'lead', () => undefined)
  const config = loadConfig({
    ENTREPOT_DATA_DIR: newFolder('entrepot-clocks-'),
    ENTREPOT_PORT: '0',
    ENTREPOT_GRPC_PORT: 'off',
    ENTREPOT_METRICS_PORT: 'off',
    ENTREPOT_RATE_LIMITS: 'off',
    ENTREPOT_ROOT_KEY: ROOT_KEY,
    ...stores,
  })
  const app = await startApp(config, { logger: pino({ level: 'silent' }) })
  t.after(() => app.stop())
  return app
}

/** A server whose machine's clock is wrong. It leads, for nobody else does. */
async function startWrong(t: TestContext, stores: Environment, shiftMs: number): Promise<ServerProcess> {
  const leader = await ServerProcess.start({
    dataDir: newFolder('entrepot-clocks-'),
    settings: { ...(stores as Settings), ...shifted(shiftMs), ENTREPOT_GRPC_PORT: 'off' },
    nodeOptions: ['--import', SHIFTED_CLOCK],
  })
  t.after(() => leader.end('SIGKILL'))
  return leader
}

function shifted(ms: number): Settings {
  return { ENTREPOT_TEST_CLOCK_SHIFT_MS: String(ms) }
}

/** A PUT that goes on when it is told to. */
function startPut({ uploadUrl, uploadHeaders }: CreatedFile, beginning: string, sizeBytes: number) {
  const { promise: status, resolve, reject } = Promise.withResolvers<number | undefined>()
  const outgoing = request(uploadUrl, {
    method: 'PUT',
    headers: { ...uploadHeaders, 'content-length': sizeBytes },
  })
  outgoing.on('response', (answer) => resolve(answer.resume().statusCode)).on('error', reject)
  outgoing.write(beginning)
  return {
    finish: (rest: string) => {
      outgoing.end(rest)
      return status
    },
  }
}

/** An upload whose time is really over: once it is swept, whoever leads has looked at all the others. */
async function letLapse(url: string, { id }: CreatedFile): Promise<() => Promise<boolean>> {
  const rowId = parseFileId(id)
  await query(url, 'update files set upload_expires_at = $1 where id = $2', [Date.now() - 1000, rowId])
  const state = async () =>
    (await query<{ state: string }>(url, 'select state from files where id = $1', [rowId]))[0]
  return async () => (await state())?.state === 'expired'
}

async function uploadForTwoDays(url: string): Promise<string> {
  const authorization = `Bearer ${ROOT_KEY}`
  const form = formOf([purposePart('parse'), filePart('for two days')], 'b')
  const headers = { authorization, 'content-type': 'multipart/form-data; boundary=b' }
  const answer = await exchange<{ id: string }>('POST', url + FILES, form, headers)
  assert.equal(answer.status, 201, answer.text)
  return answer.body.id
}

async function liveUnderWrongLeader(t: TestContext, shiftMs: number): Promise<void> {
  const stores = await newStores(t)
  const good = await startGood(t, stores)
  const client = new LightfieldClient({ url: good.url, key: ROOT_KEY })
  const [pending, running] = [await client.pending(), await client.pending({ sizeBytes: 10 })]
  const put = startPut(running, 'begun', 10)
  const kept = await uploadForTwoDays(good.url)
  const once = { 'idempotency-key': 'once' }
  const first = ok(await client.create({ filename: 'once' }, once)).id
  const isSwept = await letLapse(stores.ENTREPOT_DATABASE_URL, await client.pending())

  const leader = await startWrong(t, stores, shiftMs)
  assert.ok(await until(PATIENCE_MS, isSwept, 50), 'the jobs of the leader swept nothing')
  const aheadMs = Number(/"aheadMs":(-?\d+)/.exec(leader.output)?.[1])
  assert.ok(Math.abs(aheadMs - shiftMs) < 5000, `told to be ${aheadMs} ms ahead`)

  assert.equal((await putBytes(pending)).status, 200)
  ok(await client.complete(pending.id))
  assert.equal(await put.finish(' done'), 200)
  ok(await client.complete(running.id))
  assert.equal((await exchange('GET', await client.link(kept))).text, 'for two days')
  const other = new LightfieldClient({ url: leader.url, key: ROOT_KEY })
  for (const { create } of [client, other].map((to) => ({ create: to.create.bind(to) })))
    assert.equal(ok(await create({ filename: 'once' }, once)).id, first)

  // What the wrong one makes has the right times, too: the others take it.
  const theirs = ok(await other.create({ filename: 'theirs' }, { 'idempotency-key': 'theirs' }))
  const offMs = Date.parse(String(theirs.createdAt)) - Date.now()
  assert.ok(Math.abs(offMs) < 5000, `made ${offMs} ms from now`)
  const uploadUrl = theirs.uploadUrl.replace(leader.url, good.url)
  assert.equal((await putBytes({ ...theirs, uploadUrl })).status, 200)
  ok(await client.complete(theirs.id))
  const link = await other.link(theirs.id)
  assert.equal((await exchange('GET', link.replace(leader.url, good.url))).status, 200)
  assert.equal(ok(await client.create({ filename: 'theirs' }, { 'idempotency-key': 'theirs' })).id, theirs.id)
}

for (const [clock, shiftMs] of CLOCKS)
  for (let round = 1; round <= ROUNDS; round++)
    test(`a leader whose clock is ${clock} ends nothing of others and takes part like them, round ${round}`, (t) =>
      liveUnderWrongLeader(t, shiftMs))

test('doctor --repair on a machine with a wrong clock removes nothing that is still there for others', async (t) => {
  const stores = await newStores(t)
  const good = await startGood(t, stores)
  const client = new LightfieldClient({ url: good.url, key: ROOT_KEY })
  const pending = await client.pending()
  const kept = await uploadForTwoDays(good.url)
  const { status, stdout, stderr } = await entrepot(['doctor', '--repair'], {
    ...(stores as Settings),
    ...shifted(9 * DAY_MS),
    ENTREPOT_DATA_DIR: newFolder('entrepot-clocks-'),
    NODE_OPTIONS: `--import ${SHIFTED_CLOCK}`,
  })
  assert.equal(status, 0, stdout + stderr)
  assert.equal((await putBytes(pending)).status, 200)
  ok(await client.complete(pending.id))
  assert.equal((await exchange('GET', await client.link(kept))).text, 'for two days')
})

test('a server that does not know the time of the database is not ready', async (t) => {
  const isKnown = t.mock.method(FollowedClock.prototype, 'isKnown', () => false)
  const good = await startGood(t, await newStores(t))
  const ready = async () => (await fetch(`${good.url}/readyz`)).status
  assert.equal(await ready(), 503)
  isKnown.mock.restore()
  assert.ok(await until(PATIENCE_MS, async () => (await ready()) === 200, 100))
})
