import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { sendRaw } from '../../../test/raw-http.ts'
import { refusalOf, withGrpc, YandexClient } from '../../../test/yandex-client.ts'
import { done, YandexRest } from '../../../test/yandex-rest.ts'
import { ApiEndpointService } from './gen/endpoint_pb.js'

async function start(t: TestContext, settings: Readonly<Record<string, string>>) {
  const server = await TestServer.start({ ...withGrpc, ...settings })
  const grpc = YandexClient.of(server)
  t.after(async () => {
    grpc.close()
    await server.stop()
  })
  return { server, grpc, rest: new YandexRest(server) }
}

test('an operator sets how files live that name nothing, and for how long they may ask', async (t) => {
  const { grpc, rest } = await start(t, {
    ENTREPOT_YANDEX_DEFAULT_POLICY: 'since-created',
    ENTREPOT_YANDEX_TTL_DAYS: '3',
    ENTREPOT_YANDEX_MAX_TTL_DAYS: '30',
  })
  const file = await rest.stored()
  assert.deepEqual(file.expirationConfig, { expirationPolicy: 'STATIC', ttlDays: '3' })
  assert.equal(Date.parse(file.expiresAt ?? '') - Date.parse(file.createdAt), 3 * 86_400_000)
  const longest = await grpc.stored('x', { expirationConfig: { ttlDays: 30n } })
  assert.deepEqual([longest.expirationConfig?.expirationPolicy, longest.expirationConfig?.ttlDays], [1, 30n])
  for (const ttlDays of [31n, -1n]) {
    const expirationConfig = { ttlDays }
    const refusals = await Promise.all([
      refusalOf(grpc.stored('x', { expirationConfig })),
      refusalOf(grpc.update(file.id, ['expiration_config.ttl_days'], { expirationConfig })),
    ])
    for (const { details } of refusals)
      assert.equal(details, 'expiration_config.ttl_days: must be from 1 to 30')
  }
})

test('an operator may let files stay that name no end', async (t) => {
  const { server, rest } = await start(t, { ENTREPOT_YANDEX_DEFAULT_POLICY: 'never' })
  const { id, expiresAt } = await rest.stored()
  assert.equal(expiresAt, null)
  const short = await rest.stored('x', { expirationConfig: { ttlDays: 1 } })
  server.clock.advance({ days: 3650 })
  assert.equal((await rest.get(id)).status, 200)
  assert.equal((await rest.get(short.id)).status, 404)
})

test('an operator sets how long a URL lives', async (t) => {
  const { server, rest } = await start(t, { ENTREPOT_YANDEX_LINK_SECONDS: '60' })
  const url = await rest.url((await rest.stored()).id)
  server.clock.advance({ seconds: 60, ms: -1 })
  assert.equal((await fetch(url)).status, 200)
  server.clock.advance({ ms: 1 })
  assert.equal((await fetch(url)).status, 403)
})

test('over REST discovery tells the host of the public URL, whatever host was called', async (t) => {
  const { server } = await start(t, { ENTREPOT_PUBLIC_URL: 'https://files.example/store' })
  const [, port] = server.grpcAddress.split(':')
  const { body } = await sendRaw(
    server.url,
    'GET /endpoints HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n',
  )
  assert.deepEqual(
    (JSON.parse(body) as { endpoints: { address: string }[] }).endpoints.map(({ address }) => address),
    [`files.example:${port}`, `files.example:${port}`],
  )
})

test('an operator sets the address that discovery tells, over gRPC and REST', async (t) => {
  const { grpc, rest } = await start(t, { ENTREPOT_YANDEX_ENDPOINT: 'files.example:443' })
  const told = [
    (await grpc.call(ApiEndpointService.method.list, {})).endpoints,
    done(await rest.ask<{ endpoints: { id: string; address: string }[] }>('GET', '/endpoints')).endpoints,
  ]
  for (const endpoints of told)
    assert.deepEqual(
      endpoints.map(({ id, address }) => [id, address]),
      [
        ['ai-files', 'files.example:443'],
        ['endpoint', 'files.example:443'],
      ],
    )
})
