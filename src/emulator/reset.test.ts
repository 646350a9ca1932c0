import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { TestServer } from '../../test/harness.ts'
import { exchange, type Headings, LightfieldClient, ok } from '../../test/lightfield-client.ts'
import { filePart, LlamaCloudClient, purposePart } from '../../test/llamacloud-client.ts'
import { OpenAIClient } from '../../test/openai-client.ts'
import { patch, TusClient } from '../../test/tus-client.ts'
import { until } from '../../test/until.ts'
import { keptBytes } from '../../test/upload.harness.ts'
import { ask, startEmulator } from './emulator.harness.ts'
import type { JournalEntry } from './journal.ts'

let server: TestServer
before(async () => {
  server = await startEmulator()
})
after(() => server.stop())

const reset = async () => {
  const { status, text } = await ask(server, 'POST', 'reset')
  assert.equal(status, 204, text)
}
const count = async () => ok(await new LightfieldClient(server).list()).totalCount

test('a reset removes what was made, and nobody who kept an id, a key or a link gets anything', async () => {
  const client = new LightfieldClient(server)
  const large = randomBytes(200_000)
  const stored = await client.stored(large)
  const link = await client.link(stored.id)
  const upload = await client.pending()
  const member = await server.newKey({ role: 'member' })
  const tenant = await server.newTenant('other')
  await new LightfieldClient(server, tenant.key).stored()
  await ask(server, 'POST', 'clock', { advance: '1h', freeze: true })
  await ask(server, 'POST', 'faults', { route: 'GET /nothing', status: 500 })
  await reset()
  assert.equal(await count(), 0)
  assert.equal((await client.retrieve(stored.id)).status, 404)
  assert.ok([403, 404].includes((await fetch(link)).status))
  const { uploadUrl, uploadHeaders } = upload
  assert.ok([403, 404].includes((await exchange('PUT', uploadUrl, 'hello', uploadHeaders)).status))
  for (const key of [member, tenant.key])
    assert.equal((await new LightfieldClient(server, key).list()).status, 401)
  assert.equal((await ask<{ frozen: boolean }>(server, 'GET', 'clock')).body.frozen, false)
  assert.deepEqual((await ask<object>(server, 'GET', 'faults')).body, { faults: [] })
  const { metadata } = server.app.services
  assert.equal((await metadata.listOrganizations()).length, 1)
  const { organizationId = '', id = '' } = (await metadata.listProjects())[0] ?? {}
  assert.deepEqual(await metadata.usage('organization', organizationId), { files: 0, bytes: 0 })
  assert.deepEqual(await metadata.usage('project', id), { files: 0, bytes: 0 })
  assert.ok(await until(10_000, async () => (await keptBytes(server)).length === 0))
})

test('ids are never given again', async () => {
  const seen = new Set<string>()
  for (let round = 0; round < 5; round++) {
    await ask(server, 'POST', 'clock', { freeze: true })
    for (let n = 0; n < 5; n++) seen.add((await new LightfieldClient(server).pending()).id)
    await reset()
  }
  assert.equal(seen.size, 25)
})

test('every request during resets has one clean outcome, and what it says is so', async () => {
  const lightfield = new LightfieldClient(server)
  const openai = new OpenAIClient(server)
  const large = randomBytes(400_000)
  const slot: Headings = { 'idempotency-key': 'the same' }
  const statuses: number[] = []
  const note = (answers: readonly { readonly status: number; readonly text: string }[]) => {
    for (const { status, text } of answers) {
      assert.ok(status !== 500 && status < 504, `${status} ${text}`)
      statuses.push(status)
    }
  }
  const steps: readonly (() => Promise<unknown>)[] = [
    async () => note([await lightfield.create()]),
    async () => note([await lightfield.create({}, slot)]),
    async () => {
      const upload = await lightfield.create({ sizeBytes: large.byteLength })
      note([upload])
      if (upload.status !== 200) return
      const { uploadUrl, uploadHeaders, id } = upload.body
      note([await exchange('PUT', uploadUrl, large, uploadHeaders), await lightfield.complete(id)])
    },
    async () => {
      const parts = [purposePart('user_data'), filePart('hello')]
      note([await new LlamaCloudClient(server).upload(parts)])
    },
    async () => {
      const created = await new TusClient(server).create({ 'upload-length': String(large.byteLength) })
      note([created])
      const link = created.headers.get('location')
      if (link !== null) note([await patch(link, 0, large)])
    },
    async () =>
      void (await openai.stored('hello').catch((error) => assert.doesNotMatch(String(error), /500/))),
    async () => note([await lightfield.list()]),
  ]
  let isOver = false
  const working = steps.map(async (step) => {
    while (!isOver) await step()
  })
  for (let n = 0; n < 12; n++) await reset()
  isOver = true
  await Promise.all(working)
  assert.ok(statuses.length > steps.length)
  await reset()
  assert.equal(await count(), 0)
  const { metadata } = server.app.services
  for (const { id, organizationId } of await metadata.listProjects()) {
    assert.deepEqual(await metadata.usage('project', id), { files: 0, bytes: 0 })
    assert.deepEqual(await metadata.usage('organization', organizationId), { files: 0, bytes: 0 })
  }
  assert.ok(await until(10_000, async () => (await keptBytes(server)).length === 0))
})

test('the journal tells the last requests, and nothing secret of them', async () => {
  await reset()
  const client = new LightfieldClient(server)
  const file = await client.stored('a secret content', { filename: 'secret-name.txt' })
  const link = await client.link(file.id)
  await fetch(link)
  await fetch(`${server.url}/v1/unknown/${server.key}`)
  await ask(server, 'POST', 'faults', { route: 'GET /healthz', loseAnswer: true })
  await assert.rejects(fetch(`${server.url}/healthz`))
  const { text, body } = await ask<{ entries: readonly JournalEntry[]; last: number }>(
    server,
    'GET',
    'journal',
  )
  const { entries, last } = body
  assert.deepEqual(
    entries.map(({ method, route, status, complete }) => `${method} ${route} ${status} ${complete}`),
    [
      'POST /lightfield/v1/files 200 true',
      'PUT /transfer/:token 200 true',
      'POST /lightfield/v1/files/:id/complete 200 true',
      'GET /lightfield/v1/files/:id/url 200 true',
      'GET /transfer/:token/* 200 true',
      'GET none 404 true',
      'GET /healthz 200 false',
    ],
  )
  assert.equal(entries.at(-1)?.seq, last)
  assert.match(entries.at(-1)?.fault ?? '', /^[\da-f-]{36}$/)
  assert.equal(entries[0]?.dialect, 'lightfield')
  for (const secret of [server.key, link.split('/').at(-2) ?? '', 'secret']) assert.ok(!text.includes(secret))
  const since = async (query: string) =>
    (await ask<{ entries: readonly JournalEntry[] }>(server, 'GET', `journal?since=${query}`)).body.entries
  assert.equal((await since(String(last - 2))).length, 2)
  assert.equal((await since(String(last))).length, 0)
  assert.equal((await ask(server, 'GET', 'journal?since=x')).status, 400)
  assert.equal((await ask(server, 'DELETE', 'journal')).status, 204)
  assert.deepEqual(await since('0'), [])
})

test('what waits for its delay at a reset is never done, and nothing is told of it afterwards', async () => {
  await reset()
  const client = new LightfieldClient(server)
  await ask(server, 'POST', 'faults', { route: 'POST /v1/files', delayMs: 30_000 })
  const rejected = assert.rejects(new OpenAIClient(server).create('hello'))
  const faults = async () => (await ask<{ faults: readonly unknown[] }>(server, 'GET', 'faults')).body.faults
  assert.ok(await until(5000, async () => (await faults()).length === 0))
  await reset()
  await rejected
  assert.equal(ok(await client.list()).totalCount, 0)
  const { body } = await ask<{ entries: readonly JournalEntry[] }>(server, 'GET', 'journal')
  assert.deepEqual(
    body.entries.map(({ method, route }) => `${method} ${route}`),
    ['GET /lightfield/v1/files'],
  )
})

test('the journal is bounded', async () => {
  for (let n = 0; n < 25; n++)
    await Promise.all(Array.from({ length: 50 }, () => fetch(`${server.url}/healthz`).then((r) => r.text())))
  const { body } = await ask<{ entries: readonly JournalEntry[] }>(server, 'GET', 'journal')
  assert.equal(body.entries.length, 1000)
})
