import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../test/harness.ts'
import { until } from '../../test/until.ts'
import { YandexClient } from '../../test/yandex-client.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start({ ENTREPOT_METRICS_PORT: '0', ENTREPOT_GRPC_PORT: '0' })
})
after(() => server.stop())

/** What a line of the metrics says; 0 for a line that is not there. */
async function metric(name: string): Promise<number> {
  const response = await fetch(server.app.metricsUrl ?? '')
  const line = (await response.text()).split('\n').find((line) => line.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1) ?? 0)
}

const countOf = (method: string, route: string, status: number) =>
  metric(
    `entrepot_http_request_duration_seconds_count{method="${method}",route="${route}",status="${status}"}`,
  )

const authorized = () => ({ authorization: `Bearer ${server.key}`, 'lightfield-version': '2026-03-01' })

async function upload(content: string): Promise<string> {
  const create = await fetch(`${server.url}/lightfield/v1/files`, {
    method: 'POST',
    headers: { ...authorized(), 'content-type': 'application/json' },
    body: JSON.stringify({ filename: 'a.txt', mimeType: 'text/plain', sizeBytes: content.length }),
  })
  const { id, uploadUrl, uploadHeaders } = (await create.json()) as {
    id: string
    uploadUrl: string
    uploadHeaders: Record<string, string>
  }
  const put = await fetch(uploadUrl, { method: 'PUT', headers: uploadHeaders, body: content })
  assert.equal(put.status, 200)
  return id
}

test('answers are counted by route as declared, method and status', async () => {
  const id = await upload('12345')
  const get = (path: string, headers = {}) => fetch(server.url + path, { headers }).then((r) => r.bytes())
  await get(`/lightfield/v1/files/${id}`, authorized())
  await get(`/lightfield/v1/files/${id}`, authorized())
  await get(`/lightfield/v1/files/${id}`)
  await get(`/v1/files/${id}`, authorized())
  assert.equal(await countOf('GET', '/lightfield/v1/files/:id', 200), 2)
  assert.equal(await countOf('GET', '/lightfield/v1/files/:id', 401), 1)
  assert.equal(await countOf('GET', '/v1/files/:id', 200), 1)
  assert.equal(await countOf('POST', '/lightfield/v1/files', 200), 1)
})

test('gRPC calls are counted by method and code, with the bytes of those that succeed', async () => {
  const method = '/yandex.cloud.ai.files.v1.FileService/Create'
  const callsOf = (code: string) =>
    metric(`entrepot_grpc_call_duration_seconds_count{method="${method}",code="${code}"}`)
  const before = await metric('entrepot_received_bytes_total')
  const own = YandexClient.of(server)
  const stranger = new YandexClient(server.grpcAddress, 'Api-Key ek_wrong')
  const request = { folderId: 'default', name: 'a', content: Buffer.alloc(1000) }
  await own.create(request)
  await assert.rejects(stranger.create(request))
  own.close()
  stranger.close()
  // A call ends a moment after its client has the answer.
  assert.ok(await until(5_000, async () => (await callsOf('OK')) + (await callsOf('UNAUTHENTICATED')) === 2))
  assert.deepEqual([await callsOf('OK'), await callsOf('UNAUTHENTICATED')], [1, 1])
  assert.equal(await metric(`entrepot_grpc_calls_in_flight{method="${method}"}`), 0)
  assert.ok((await metric('entrepot_received_bytes_total')) > before + 1000)
})

test('unknown addresses are counted together', async () => {
  const before = await countOf('GET', 'none', 404)
  for (const path of ['/nothing', '/lightfield/nothing']) await fetch(server.url + path)
  assert.equal(await countOf('GET', 'none', 404), before + 2)
})

test('bytes received and sent are added up, those of failures left out', async () => {
  const received = await metric('entrepot_received_bytes_total')
  const sent = await metric('entrepot_sent_bytes_total')
  await upload('x'.repeat(1000))
  const files = '/lightfield/v1/files'
  const refused = { method: 'POST', headers: authorized(), body: 'y'.repeat(1_000_000) }
  assert.equal((await fetch(server.url + files, refused)).status, 415)
  const more = (await metric('entrepot_received_bytes_total')) - received
  assert.ok(more >= 1000 && more < 2000, `${more} bytes`)
  assert.ok((await metric('entrepot_sent_bytes_total')) > sent)
})

test('the histogram’s buckets hold all that took no longer', async () => {
  const labels = 'method="GET",route="/lightfield/v1/auth/validate",status="200"'
  await fetch(`${server.url}/lightfield/v1/auth/validate`, { headers: authorized() })
  const bucket = (le: string) => metric(`entrepot_http_request_duration_seconds_bucket{le="${le}",${labels}}`)
  const sum = await metric(`entrepot_http_request_duration_seconds_sum{${labels}}`)
  assert.equal(await bucket('+Inf'), 1)
  assert.equal(await bucket('300'), 1)
  assert.ok(sum > 0 && sum < 300)
  if (sum > 0.001) assert.equal(await bucket('0.001'), 0)
})

test('only the page of metrics is there', async () => {
  const page = server.app.metricsUrl ?? ''
  assert.equal((await fetch(page.replace('/metrics', '/'))).status, 404)
  assert.equal((await fetch(page, { method: 'POST' })).status, 404)
  assert.match((await fetch(page)).headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
})

test('metrics are on their own port, and on this machine alone unless an address is named', async (t) => {
  const open = await TestServer.start({ ENTREPOT_HOST: '0.0.0.0', ENTREPOT_METRICS_PORT: '0' })
  t.after(() => open.stop())
  assert.match(open.app.metricsUrl ?? '', /^http:\/\/127\.0\.0\.1:/)
  assert.equal((await fetch(`${server.url}/metrics`)).status, 404)
  const off = await TestServer.start({ ENTREPOT_METRICS_PORT: 'off' })
  t.after(() => off.stop())
  assert.equal(off.app.metricsUrl, undefined)
})
