import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { TestServer } from '../../../test/harness.ts'
import {
  type Detail,
  filePart,
  LlamaCloudClient,
  problemsOf,
  purposePart,
} from '../../../test/llamacloud-client.ts'
import { startApp } from '../../app/app.ts'
import { loadConfig } from '../../app/settings.ts'
import type { Environment } from '../../config/setting.ts'

async function start(t: TestContext, settings: Environment) {
  const server = await TestServer.start(settings)
  t.after(() => server.stop())
  return { server, client: new LlamaCloudClient(server) }
}

test('with ID_PREFIX=off ids are printed bare, and still taken in every form', async (t) => {
  const { client } = await start(t, { ENTREPOT_LLAMACLOUD_ID_PREFIX: 'off' })
  const { id } = await client.stored()
  assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  for (const form of [id, `dfl-${id}`])
    assert.equal((await client.get<{ id: string }>(`/${form}`)).body.id, id)
  assert.equal((await client.query()).body.items[0]?.id, id)
})

test('with URL_ON_CREATE=off the answer to create has a null where the link would be', async (t) => {
  const { client } = await start(t, { ENTREPOT_LLAMACLOUD_URL_ON_CREATE: 'off' })
  const { id, download_url } = await client.stored()
  assert.equal(download_url, null)
  assert.equal((await client.get(`/${id}/content`)).status, 200)
})

test('with ANY_PURPOSE=on any text is a purpose, kept without end', async (t) => {
  const { client } = await start(t, { ENTREPOT_LLAMACLOUD_ANY_PURPOSE: 'on' })
  const { status, body } = await client.upload([filePart(), purposePart('archive')])
  assert.deepEqual([status, body.purpose, body.expires_at], [201, 'archive', null])
  assert.notEqual((await client.upload([filePart(), purposePart('parse')])).body.expires_at, null)
  assert.equal((await client.upload([filePart(), purposePart('')])).status, 422)
  const withNul = await client.upload<Detail>([filePart(), purposePart('a\0b')])
  assert.deepEqual([withNul.status, problemsOf(withNul)], [422, ['body.purpose value_error']])
})

test('with EMPTY_FILES=on an empty file is one like any other', async (t) => {
  const { client } = await start(t, { ENTREPOT_LLAMACLOUD_EMPTY_FILES: 'on' })
  const { status, body } = await client.upload([filePart('', 'marker'), purposePart()])
  assert.equal(status, 201)
  const response = await fetch(body.download_url?.url ?? '')
  assert.deepEqual([response.headers.get('content-length'), await response.text()], ['0', ''])
})

test('RETENTION_HOURS changes single purposes and leaves the others', async (t) => {
  const { client, server } = await start(t, {
    ENTREPOT_LLAMACLOUD_RETENTION_HOURS: 'parse=24,extract=never,user_data=1',
  })
  const hours = async (purpose: string) => {
    const { body } = await client.upload([filePart(), purposePart(purpose)])
    return body.expires_at && (Date.parse(body.expires_at) - server.clock.now()) / 3_600_000
  }
  const expected = { parse: 24, extract: null, user_data: 1, sheet: 48, agent_app: null }
  for (const [purpose, left] of Object.entries(expected)) assert.equal(await hours(purpose), left)
})

test('the start tells how long files of each purpose stay', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'entrepot-settings-'))
  const lines: string[] = []
  const logger = pino({}, { write: (line: string) => lines.push(line) })
  const config = loadConfig({
    ENTREPOT_DATA_DIR: dataDir,
    ENTREPOT_PORT: '0',
    ENTREPOT_METRICS_PORT: 'off',
    ENTREPOT_GRPC_PORT: 'off',
    ENTREPOT_LLAMACLOUD_RETENTION_HOURS: 'parse=24,extract=never',
  })
  const app = await startApp(config, { logger })
  t.after(async () => {
    await app.stop()
    await rm(dataDir, { recursive: true, force: true })
  })
  app.tellSettings()
  const told = lines.map((line) => JSON.parse(line)).find(({ retentionHours }) => retentionHours)
  assert.deepEqual(told?.retentionHours, {
    user_data: null,
    parse: 24,
    extract: null,
    split: 48,
    classify: 48,
    sheet: 48,
    agent_app: null,
  })
})

test('a retention that is changed later does not touch the files that are there', async (t) => {
  const { client, server } = await start(t, {})
  const { body } = await client.upload([filePart(), purposePart('parse')])
  await server.restart({ ENTREPOT_LLAMACLOUD_RETENTION_HOURS: 'never' })
  const kept = await client.get<{ expires_at: string }>(`/${body.id}`)
  assert.equal(kept.body.expires_at, body.expires_at)
  assert.equal((await client.upload([filePart(), purposePart('parse')])).body.expires_at, null)
  server.clock.advance({ hours: 48 })
  assert.equal((await client.get(`/${body.id}`)).status, 404)
})

test('a retention for a purpose that does not exist stops the start', () => {
  assert.throws(
    () => loadConfig({ ENTREPOT_LLAMACLOUD_RETENTION_HOURS: 'parsing=24' }),
    /There is no LlamaCloud purpose "parsing"/,
  )
})
