import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseFileId } from '../src/dialects/all.ts'
import { TestServer } from './harness.ts'
import { announcing, exchange, LightfieldClient, ok, putBytes } from './lightfield-client.ts'
import { NODES_KEY, newStores, startNodes, type TestNode } from './nodes.harness.ts'
import { query } from './postgres.ts'
import { storedFile } from './stored-file.ts'
import { patch, TusClient } from './tus-client.ts'
import { until } from './until.ts'

const UNKNOWN = 'fil_0000000000000000000000000'
const CONTENT = 'written once, read everywhere'

/** The link of one node, at the address of another. */
function at({ server }: TestNode, from: TestNode, link: string): string {
  return link.replace(from.server.url, server.url)
}

test('of servers that start at once on an empty database one has the first key to show, and all take it', async (t) => {
  const stores = await newStores(t)
  const servers = await Promise.all(Array.from({ length: 4 }, () => TestServer.start(stores)))
  t.after(() => Promise.all(servers.map((server) => server.stop())))
  const [key, ...others] = servers.flatMap(({ app }) => app.firstKey ?? [])
  assert.ok(key)
  assert.deepEqual(others, [])
  for (const { url } of servers) ok(await new LightfieldClient({ url, key }).list())
})

test('an upload may begin on one node, get its bytes on another, end on a third and be read from all', async (t) => {
  const nodes = await startNodes(t, 3)
  const [first, second, third] = nodes as [TestNode, TestNode, TestNode]
  const upload = ok(await first.client.create({ sizeBytes: CONTENT.length }))
  const uploadUrl = at(second, first, upload.uploadUrl)
  assert.equal((await putBytes({ ...upload, uploadUrl }, CONTENT)).status, 200)
  assert.equal(ok(await third.client.complete(upload.id)).status, 'COMPLETED')
  for (const node of nodes) {
    assert.equal(ok(await node.client.retrieve(upload.id)).status, 'COMPLETED')
    const link = await node.client.link(upload.id)
    for (const other of nodes) assert.equal((await exchange('GET', at(other, node, link))).text, CONTENT)
  }
})

test('a digest that is announced to one node binds what another takes and a third completes', async (t) => {
  const [first, second, third] = (await startNodes(t, 3)) as [TestNode, TestNode, TestNode]
  const upload = ok(await first.client.create({}, announcing('right')))
  const uploadUrl = at(second, first, upload.uploadUrl)
  assert.equal((await putBytes({ ...upload, uploadUrl }, 'wrong')).status, 422)
  assert.equal((await third.client.complete(upload.id)).status, 422)
  assert.equal((await putBytes({ ...upload, uploadUrl }, 'right')).status, 200)
  assert.equal(ok(await third.client.complete(upload.id)).status, 'COMPLETED')
  assert.equal((await exchange('GET', await first.client.link(upload.id))).text, 'right')
})

test('one idempotency key, sent to all nodes at once, makes one file', async (t) => {
  const nodes = await startNodes(t, 3)
  for (let round = 0; round < 5; round++) {
    const headers = { 'idempotency-key': `round-${round}` }
    const filename = `round-${round}.txt`
    const answers = await Promise.all(
      nodes.flatMap(({ client }) => Array.from({ length: 4 }, () => client.create({ filename }, headers))),
    )
    const made = answers.filter(({ status }) => status === 200)
    assert.ok(made.length > 0)
    for (const { status, text } of answers) assert.ok(status === 200 || status === 409, text)
    const ids = new Set(made.map(({ body }) => body.id))
    for (const { client } of nodes) ids.add(ok(await client.create({ filename }, headers)).id)
    assert.equal(ids.size, 1)
  }
  const [{ client }] = nodes as [TestNode]
  assert.equal(ok(await client.list()).totalCount, 5)
})

test('a key that is made or revoked on one node is known or refused on all at once', async (t) => {
  const nodes = await startNodes(t, 3)
  const [{ server }] = nodes as [TestNode]
  const secret = await server.newKey({ name: 'to be revoked' })
  const clients = nodes.map((node) => new LightfieldClient({ url: node.server.url, key: secret }))
  for (const client of clients) assert.equal((await client.list()).status, 200)
  const { metadata, clock } = server.app.services
  const key = (await metadata.listKeys()).find(({ name }) => name === 'to be revoked')
  await metadata.commit([{ kind: 'key.revoke', id: key?.id ?? '', revokedAt: clock.now() }])
  for (const client of clients) assert.equal((await client.list()).status, 401)
})

test('a session that is made on one node counts on all, until one of them ends it', async (t) => {
  const nodes = await startNodes(t, 3)
  const [first, second] = nodes as [TestNode, TestNode]
  const session = (node: TestNode, method: string, headers: Record<string, string>) =>
    exchange(method, `${node.server.url}/llamacloud/session`, undefined, headers)
  const made = await session(first, 'POST', { authorization: `Bearer ${NODES_KEY}` })
  assert.ok(made.status < 300, made.text)
  const cookie = made.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const list = (node: TestNode) =>
    exchange('GET', `${node.server.url}/llamacloud/api/v1/beta/files`, undefined, { cookie })
  for (const node of nodes) assert.equal((await list(node)).status, 200)
  const ended = await session(second, 'DELETE', { cookie, origin: second.server.url })
  assert.ok(ended.status < 300, ended.text)
  for (const node of nodes) assert.equal((await list(node)).status, 401)
})

test('of a hundred uploads at once on three nodes, a quota with room for one admits exactly one', async (t) => {
  const nodes = await startNodes(t, 3)
  const [{ server, client }] = nodes as [TestNode]
  const { metadata } = server.app.services
  const organization = await metadata.findOrganization('default')
  const id = organization?.id ?? ''
  await metadata.commit([{ kind: 'quota.set', holder: 'organization', id, quotaFiles: 1, quotaBytes: null }])
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) => nodes[i % nodes.length] as TestNode).map((node) =>
      node.client.create(),
    ),
  )
  const admitted = answers.filter(({ status }) => status === 200)
  assert.equal(admitted.length, 1)
  const refused = new Set(answers.filter(({ status }) => status !== 200).map(({ error }) => error.message))
  assert.equal(refused.size, 1)
  assert.equal((await metadata.usage('organization', id)).files, 1)
  assert.equal(ok(await client.list()).totalCount, 1)
})

test('a limit of requests holds over three nodes, and one alone may use all of it', async (t) => {
  const limit = 20
  const nodes = await startNodes(t, 3, { ENTREPOT_RATE_LIMITS: String(limit) })
  const run = async (busy: readonly TestNode[], seconds: number) => {
    let admitted = 0
    for (let ms = 0; ms < seconds * 1000; ms += 250) {
      for (const { server } of nodes) server.clock.advance({ ms: 250 })
      const clients = busy.flatMap(({ client }) => Array.from({ length: 6 }, () => client))
      const answers = await Promise.all(clients.map((client) => client.retrieve(UNKNOWN)))
      admitted += answers.filter(({ status }) => status !== 429).length
      for (const { status, headers } of answers) {
        assert.ok(status === 404 || status === 429)
        assert.equal(headers.get('x-ratelimit-limit'), String(limit))
      }
    }
    return admitted
  }
  const together = await run(nodes, 10)
  assert.ok(together <= limit * 11 && together >= limit * 10, `${together} together`)
  const alone = await run(nodes.slice(0, 1), 5)
  assert.ok(alone <= limit * 6 && alone >= limit * 5 * 0.95, `${alone} alone`)
})

test('one node runs the jobs, and when it stops another goes on', async (t) => {
  const [first, second] = (await startNodes(t, 2)) as [TestNode, TestNode]
  const { metadata } = second.server.app.services
  const lapsed = async () => (await metadata.listLapsedUploads(second.server.clock.now(), 10)).length
  await first.client.create()
  // The jobs of a leader run as soon as it leads, and then twice a minute: none of those sees this upload lapse.
  for (const { server } of [first, second]) server.clock.advance({ days: 3 })
  assert.equal(await lapsed(), 1)
  const url = second.server.databaseUrl ?? ''
  await query(url, "insert into rate_buckets values ('write of long ago', 1, 0)")
  await first.server.app.stop()
  for (let i = 0; (await lapsed()) > 0; i++) {
    assert.ok(i < 200, 'nobody runs the jobs')
    await sleep(50)
  }
  while ((await query(url, "select from rate_buckets where name = 'write of long ago'")).length > 0)
    await sleep(50)
})

test('as long as a server of the release before lives nobody writes what it cannot read', async (t) => {
  const [node, other] = (await startNodes(t, 2)) as [TestNode, TestNode]
  const { metadata } = node.server.app.services
  const url = node.server.databaseUrl ?? ''
  const layouts = async () => {
    const made = await Promise.all([node, other].map(({ client }) => client.stored(CONTENT)))
    const rows = await Promise.all(made.map(({ id }) => metadata.findFile(parseFileId(id) ?? '')))
    return rows.map((row) => row?.layout)
  }
  const takeSegments = (value: boolean) =>
    until(10_000, async () =>
      [node, other].every(({ server }) => server.app.services.metadata.takesSegments === value),
    )
  assert.ok(await takeSegments(true))
  const link = await new TusClient({ url: node.server.url, key: NODES_KEY }).created(6)
  assert.equal((await patch(link, 0, 'abc')).status, 204)
  assert.deepEqual(await layouts(), ['inline', 'inline'])
  // It holds its lock no longer, so that whoever leads buries it in the end.
  const seen = 'extract(epoch from clock_timestamp()) * 1000'
  const profile = JSON.stringify({ rootKeyHash: null, settings: {} })
  await query(url, `insert into nodes (id, seen_at, profile) values (7, ${seen}, $1)`, [profile])
  assert.ok(await takeSegments(false))
  assert.deepEqual(await layouts(), ['blob', 'blob'])
  assert.equal((await patch(link, 3, 'def')).status, 503)
  await query(url, 'delete from nodes where id = 7')
  assert.ok(await takeSegments(true))
  assert.deepEqual(await layouts(), ['inline', 'inline'])
  assert.equal((await patch(link, 3, 'def')).status, 204)
})

test('as long as a server of the release before lives no file is hidden, which it would show, and no key is a viewer’s', async (t) => {
  const [{ server }] = (await startNodes(t, 1)) as [TestNode]
  const { metadata } = server.app.services
  const url = server.databaseUrl ?? ''
  const hide = () => storedFile(server, NODES_KEY, { visibility: 'subject', alias: 'hidden' })
  const hides = (value: boolean) => until(10_000, async () => metadata.hidesFiles === value)
  assert.ok(await hides(true))
  const seen = 'extract(epoch from clock_timestamp()) * 1000'
  const profile = JSON.stringify({ rootKeyHash: null, settings: {}, segments: true })
  await query(url, `insert into nodes (id, seen_at, profile) values (7, ${seen}, $1)`, [profile])
  assert.ok(await hides(false))
  assert.equal(metadata.takesSegments, true)
  await assert.rejects(hide(), { code: 'storage-unavailable' })
  // It knows no aliases either, which does no harm.
  await storedFile(server, NODES_KEY, { alias: 'chosen' })
  // Nor roles that read alone, nor ends of keys.
  await assert.rejects(server.newKey({ role: 'viewer' }), { code: 'storage-unavailable' })
  await assert.rejects(server.newKey({ expiresAt: 9e12 }), { code: 'storage-unavailable' })
  await server.newKey({ role: 'admin' })
  await query(url, 'delete from nodes where id = 7')
  assert.ok(await hides(true))
  await hide()
  await server.newKey({ role: 'viewer', expiresAt: 9e12 })
})
