import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { documentedConfiguration, freePort, runNginx, startNginx, whyNoNginx } from './faults/balancers.ts'
import { TestServer } from './harness.ts'
import { LlamaCloudClient, type PageBody, urlOf } from './llamacloud-client.ts'
import { until } from './until.ts'

test('nginx, as documented, passes a query of a thousand ids', { skip: whyNoNginx() }, async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const upstream = { port: Number(new URL(server.url).port), grpcPort: 1 }
  const [port, grpcPort] = await Promise.all([freePort(), freePort()])
  const front = { port, grpcPort, url: `http://127.0.0.1:${port}` }
  await startNginx(t, front, [upstream, upstream])
  assert.ok(await until(10_000, async () => (await fetch(front.url).catch(() => undefined)) !== undefined))
  const client = new LlamaCloudClient({ url: front.url, key: server.key })
  const { id } = await client.stored()
  const ids = Array.from({ length: 1000 }, () => `file_ids=${id}`)
  const { status, body } = await client.get<PageBody>(`?${ids.join('&')}`)
  assert.deepEqual([status, body.items?.map((file) => file.id)], [200, [id]])
})

const OPERATING = fileURLToPath(new URL('../docs/operating.md', import.meta.url))
/** What differs from answer to answer, and what a proxy sets. */
const OTHER_HEADERS = ['server', 'date', 'connection', 'keep-alive', 'x-request-id', 'vary']

function whyNotSent(): string | false {
  return process.env.ENTREPOT_TEST_BLOBS === undefined ? whyNoNginx() : 'only with bytes on disk'
}

test('nginx, as documented, sends downloads that the server allows', { skip: whyNotSent() }, async (t) => {
  const server = await TestServer.start({ ENTREPOT_ACCEL_REDIRECT: '/entrepot-blobs/' })
  t.after(() => server.stop())
  const front = await startSending(t, server)
  const client = new LlamaCloudClient(server)
  const bytes = randomBytes(300_000)
  const file = await client.stored(bytes)
  const { pathname } = new URL(urlOf(file).url)
  const ask = (headers: Record<string, string>, method = 'GET', base = front) =>
    fetch(new URL(pathname, base), { method, headers })

  const sent = await ask({})
  const told = Object.fromEntries(sent.headers)
  const expected = Object.fromEntries((await ask({}, 'HEAD', server.url)).headers)
  for (const name of OTHER_HEADERS) for (const headers of [told, expected]) delete headers[name]
  assert.deepEqual(told, expected)
  assert.ok(Buffer.from(await sent.arrayBuffer()).equals(bytes))
  const range = await ask({ range: 'bytes=100-199' })
  assert.equal(range.status, 206)
  assert.ok(Buffer.from(await range.arrayBuffer()).equals(bytes.subarray(100, 200)))
  assert.equal((await ask({ 'if-none-match': told.etag ?? '' })).status, 304)
  const matched = await ask({ 'if-match': told.etag ?? '' })
  assert.ok(Buffer.from(await matched.arrayBuffer()).equals(bytes))
  const [shard = ''] = await readdir(join(server.dataDir, 'blobs'))
  const [name] = await readdir(join(server.dataDir, 'blobs', shard))
  assert.equal((await fetch(`${front}/entrepot-blobs/${shard}/${name}`)).status, 404)
  await client.delete(file.id)
  assert.notEqual((await ask({})).status, 200)
})

/** @returns the address of an nginx that sends the blobs of this server */
async function startSending(t: TestContext, { url, dataDir }: TestServer): Promise<string> {
  const port = await freePort()
  const documented = await documentedConfiguration(OPERATING)
  const location = documented.replace('/var/lib/entrepot/blobs/', `${join(dataDir, 'blobs')}/`)
  const user = process.getuid?.() === 0 ? `user ${userInfo().username};` : ''
  const rest = `listen 127.0.0.1:${port}; location / { proxy_pass ${url}; proxy_set_header Host $http_host; }`
  await runNginx(t, `${user} events {} http { server { ${rest} ${location} } }`)
  const front = `http://127.0.0.1:${port}`
  assert.ok(await until(10_000, async () => (await fetch(front).catch(() => undefined)) !== undefined))
  return front
}
