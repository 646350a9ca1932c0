import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import type { TestServer } from '../../test/harness.ts'
import { codeOf, withGrpc, YandexClient } from '../../test/yandex-client.ts'
import { grpcCodes } from '../grpc/status.ts'
import { ask, startEmulator } from './emulator.harness.ts'
import type { JournalEntry } from './journal.ts'

let server: TestServer
let client: YandexClient
before(async () => {
  server = await startEmulator(withGrpc)
  client = YandexClient.of(server)
})
after(async () => {
  client.close()
  await server.stop()
})
beforeEach(async () => {
  assert.equal((await ask(server, 'POST', 'reset')).status, 204)
})

const route = 'POST /yandex.cloud.ai.files.v1.FileService/*'

test('a fault with a status becomes the code of the call that goes with it', async () => {
  const codes = {
    400: 'INVALID_ARGUMENT',
    401: 'UNAUTHENTICATED',
    404: 'NOT_FOUND',
    503: 'UNAVAILABLE',
  } as const
  for (const [status, name] of Object.entries(codes)) {
    await ask(server, 'POST', 'faults', { route, status: Number(status) })
    assert.equal(await codeOf(client.list()), grpcCodes[name])
  }
  await ask(server, 'POST', 'faults', { route, delayMs: 60 })
  const startedAt = performance.now()
  assert.deepEqual((await client.list()).files, [])
  assert.ok(performance.now() - startedAt >= 59)
})

test('a lost answer of a call leaves the work done', async () => {
  await ask(server, 'POST', 'faults', { route, loseAnswer: true })
  assert.equal(await codeOf(client.stored()), grpcCodes.UNAVAILABLE)
  assert.equal((await client.list()).files.length, 1)
})

test('the journal tells calls, too', async () => {
  await client.stored('a secret')
  await codeOf(client.get('nothing'))
  const entries = async () =>
    (await ask<{ entries: readonly JournalEntry[] }>(server, 'GET', 'journal')).body.entries
  const told = (await entries()).map(({ method, route, status, complete }) => [
    method,
    route,
    status,
    complete,
  ])
  const service = '/yandex.cloud.ai.files.v1.FileService'
  assert.deepEqual(told, [
    ['gRPC', `${service}/Create`, 'OK', true],
    ['gRPC', `${service}/Get`, 'NOT_FOUND', true],
  ])
})
