import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { GeminiClient } from '../../test/gemini-client.ts'
import type { TestServer } from '../../test/harness.ts'
import { exchange, LightfieldClient, ok } from '../../test/lightfield-client.ts'
import { OpenAIClient } from '../../test/openai-client.ts'
import { parseFileId } from '../dialects/all.ts'
import { ask, startEmulator } from './emulator.harness.ts'

interface ClockBody {
  readonly now: string
  readonly frozen: boolean
}

let server: TestServer
before(async () => {
  server = await startEmulator()
})
after(() => server.stop())
beforeEach(async () => {
  assert.equal((await ask(server, 'POST', 'reset')).status, 204)
})

const clock = async (body: object) => ok(await ask<ClockBody>(server, 'POST', 'clock', body))
const now = async () => ok(await ask<ClockBody>(server, 'GET', 'clock'))

test('time that is moved forward ends links and uploads at once, and what has ended is swept when the answer comes', async () => {
  const client = new LightfieldClient(server)
  const upload = await client.pending()
  const link = await client.link((await client.stored()).id)
  assert.equal((await fetch(link)).status, 200)
  const before = await now()
  const moved = await clock({ advance: '2d' })
  assert.equal(Date.parse(moved.now) - Date.parse(before.now), 48 * 3600 * 1000)
  assert.equal((await fetch(link)).status, 403)
  const row = await server.app.services.metadata.findFile(parseFileId(upload.id) ?? '')
  assert.equal(row?.state, 'expired')
})

test('what each vendor lets end goes by it: retention, batch days, expiry from now, cookies', async () => {
  const openai = new OpenAIClient(server)
  const gemini = new GeminiClient(server)
  const { name = '' } = await gemini.stored()
  const batch = await openai.stored('{}', 'a.jsonl', { purpose: 'batch' })
  const hour = { 'expires_after[anchor]': 'created_at', 'expires_after[seconds]': '3600' }
  const short = await openai.stored('hello', 'a.txt', hour)
  const session = await exchange('POST', `${server.url}/session`, undefined, {
    authorization: `Bearer ${server.key}`,
  })
  const cookie = session.headers.get('set-cookie')?.split(';')[0]
  const alive = async () => [
    (await exchange('GET', `${server.url}/llamacloud/api/v1/beta/files`, undefined, { cookie })).status,
    (await openai.send('GET', `/v1/files/${short.id}`)).status,
    (await gemini.get(`/v1beta/${name}`)).status,
    (await openai.send('GET', `/v1/files/${batch.id}`)).status,
  ]
  assert.deepEqual(await alive(), [200, 200, 200, 200])
  await clock({ advance: '61m' })
  assert.deepEqual(await alive(), [200, 404, 200, 200])
  await clock({ advance: '12h' })
  assert.deepEqual(await alive(), [401, 404, 200, 200])
  await clock({ advance: '36h' })
  assert.deepEqual(await alive(), [401, 404, 403, 200])
  await clock({ advance: '28d' })
  assert.deepEqual(await alive(), [401, 404, 403, 404])
  const fresh = await openai.stored('{}', 'b.jsonl', { purpose: 'batch' })
  assert.equal((await openai.send('GET', `/v1/files/${fresh.id}`)).status, 200)
})

test('leases and rate limits do not move with it', async () => {
  const { clock: service } = server.app.services
  const before = service.machineNow()
  await clock({ advance: 3600 })
  assert.equal(service.machineNow(), before)
  assert.equal(service.now() - before, 3600 * 1000)
})

test('time stands still while it is frozen, can be moved then, and goes on from there', async () => {
  const frozen = await clock({ freeze: true })
  server.clock.advance({ hours: 1 })
  assert.deepEqual(await now(), { now: frozen.now, frozen: true })
  const set = '2027-01-01T00:00:00.000Z'
  assert.deepEqual(await clock({ set }), { now: set, frozen: true })
  await clock({ freeze: false })
  server.clock.advance({ ms: 5 })
  assert.deepEqual(await now(), { now: '2027-01-01T00:00:00.005Z', frozen: false })
})

test('a restart keeps the time, so that no row comes from the future', async () => {
  await clock({ advance: '400d', freeze: true })
  const told = await now()
  await server.restart()
  server.clock.advance({ hours: 1 })
  assert.deepEqual(await now(), told)
  await clock({ freeze: false })
  await server.restart()
  assert.deepEqual(await now(), { ...told, frozen: false })
  assert.equal(ok(await new LightfieldClient(server).list()).totalCount, 0)
})

test('what the clock cannot be is refused, and changes nothing', async () => {
  const before = await now()
  const wrong: readonly [body: unknown, code: string][] = [
    [{}, 'field_missing'],
    [{ advance: -1 }, 'field_invalid'],
    [{ advance: '-2h' }, 'field_invalid'],
    [{ advance: 'NaN' }, 'field_invalid'],
    [{ advance: null }, 'field_invalid'],
    [{ advance: 1e300 }, 'field_invalid'],
    [{ advance: '9999999999999w' }, 'field_invalid'],
    [{ set: '9999-01-01T00:00:00Z' }, 'field_invalid'],
    [{ set: '2020-01-01T00:00:00Z' }, 'field_invalid'],
    [{ set: '2030-01-01' }, 'field_invalid'],
    [{ set: '2030-13-01T00:00:00Z' }, 'field_invalid'],
    [{ set: '2090-02-31T00:00:00Z' }, 'field_invalid'],
    [{ advance: 1, set: '2030-01-01T00:00:00Z' }, 'field_invalid'],
    [{ freeze: 'yes' }, 'field_invalid'],
    [{ advnace: 1 }, 'field_unknown'],
    [[], 'body_not_json'],
    ['{"advance":NaN}', 'body_not_json'],
    ['null', 'body_not_json'],
  ]
  for (const [body, code] of wrong) {
    const { status, error } = await ask(server, 'POST', 'clock', body)
    assert.deepEqual([status, error.code], [400, code], JSON.stringify(body))
  }
  const form = await exchange<unknown>('POST', `${server.url}/-/clock`, 'advance=1', {
    'content-type': 'application/x-www-form-urlencoded',
  })
  assert.equal(form.status, 415)
  assert.deepEqual(await now(), before)
})

test('an advance while an upload is on its way lets it end in one of two ways', async () => {
  const client = new LightfieldClient(server)
  const uploads = await Promise.all(Array.from({ length: 8 }, () => client.pending()))
  const [answers] = await Promise.all([
    Promise.all(
      uploads.map(({ uploadUrl, uploadHeaders }) => exchange('PUT', uploadUrl, 'hello', uploadHeaders)),
    ),
    clock({ advance: '3d' }),
  ])
  for (const { status } of answers) assert.ok([200, 403, 409].includes(status), `${status}`)
  for (const { id } of uploads) assert.equal((await client.complete(id)).status, 409)
})
