import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freePort, startNginx, whyNoNginx } from './faults/balancers.ts'
import { TestServer } from './harness.ts'
import { LlamaCloudClient, type PageBody } from './llamacloud-client.ts'
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
