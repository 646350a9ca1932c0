import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import type { TestServer } from '../../test/harness.ts'
import { LightfieldClient, ok } from '../../test/lightfield-client.ts'
import { offsetAt, patch, TusClient } from '../../test/tus-client.ts'
import { codeOf, withGrpc, YandexClient } from '../../test/yandex-client.ts'
import { grpcCodes } from '../grpc/status.ts'
import { ask, startEmulator } from './emulator.harness.ts'
import { fits } from './faults.ts'
import type { JournalEntry } from './journal.ts'

let server: TestServer
let yandex: YandexClient
before(async () => {
  server = await startEmulator(withGrpc)
  yandex = YandexClient.of(server)
})
after(async () => {
  yandex.close()
  await server.stop()
})
beforeEach(async () => {
  assert.equal((await ask(server, 'POST', 'reset')).status, 204)
})

const inject = async (fault: object) => {
  const { status, text } = await ask(server, 'POST', 'faults', fault)
  assert.equal(status, 201, text)
}
const left = async () => ok(await ask<{ faults: readonly unknown[] }>(server, 'GET', 'faults')).faults
const openai = (maxRetries = 0, prefix = '') =>
  new OpenAI({ apiKey: server.key, baseURL: `${server.url}${prefix}/v1`, maxRetries })
const count = async () => ok(await new LightfieldClient(server).list()).totalCount

test('an injected status is an error of the dialect, which its SDK raises as its own class', async () => {
  await inject({ route: 'GET /v1/files*', status: 429, times: 2 })
  await assert.rejects(openai().files.list(), OpenAI.RateLimitError)
  const anthropic = new Anthropic({ apiKey: server.key, baseURL: server.url, maxRetries: 0 })
  await assert.rejects(anthropic.beta.files.list(), Anthropic.RateLimitError)
  assert.deepEqual(await left(), [])
  assert.equal((await openai().files.list()).data.length, 0)
})

test('a client that retries succeeds once the faults are used up, whichever way its path is written', async () => {
  await inject({ route: '* /v1/files', status: 503, headers: { 'Retry-After-Ms': 1 } })
  await inject({ route: 'POST /openai/v1/files', status: 500, headers: { 'retry-after-ms': '1' } })
  const file = new File(['hello'], 'a.txt')
  await openai(2, '/openai').files.create({ file, purpose: 'user_data' })
  assert.deepEqual(await left(), [])
  await inject({ route: 'POST /openai/v1/files', status: 500, headers: { 'retry-after-ms': '1' } })
  await openai(1).files.create({ file, purpose: 'user_data' })
  assert.deepEqual(await left(), [])
  assert.equal(await count(), 2)
})

test('a lost answer leaves the work done', async () => {
  await inject({ route: 'POST /v1/files', loseAnswer: true })
  const create = openai().files.create({ file: new File(['hello'], 'a.txt'), purpose: 'user_data' })
  await assert.rejects(create, OpenAI.APIConnectionError)
  assert.equal(await count(), 1)
})

test('an answer is cut after so many bytes, and a shorter one is whole', async () => {
  const client = new LightfieldClient(server)
  const content = 'x'.repeat(300_000)
  const link = await client.link((await client.stored(content)).id)
  for (const bytes of [0, 1, 100_000]) {
    await inject({ route: 'GET /transfer/*', cutAnswerAfterBytes: bytes })
    const response = await fetch(link)
    const chunks: Uint8Array[] = []
    await assert.rejects(async () => {
      for await (const chunk of response.body ?? []) chunks.push(chunk)
    })
    assert.equal(Buffer.concat(chunks).byteLength, bytes)
  }
  await inject({ route: 'GET /transfer/*', cutAnswerAfterBytes: content.length })
  assert.equal(await (await fetch(link)).text(), content)
  await inject({ route: 'GET *', cutAnswerAfterBytes: 3 })
  await assert.rejects((await fetch(`${server.url}/healthz`)).text())
})

test('the body of a request is cut after so many bytes, which a resumed upload goes on from', async () => {
  for (const [size, bytes] of [
    [9, 4],
    [3_000_000, 1_234_567],
  ] as const) {
    const link = await new TusClient(server).created(size)
    const content = 'y'.repeat(size)
    await inject({ route: 'PATCH *', cutRequestAfterBytes: bytes })
    await assert.rejects(patch(link, 0, content))
    const offset = await offsetAt(link)
    assert.equal(offset, bytes)
    assert.equal((await patch(link, offset, content.slice(offset))).status, 204)
  }
})

test('a delay comes before everything else', async () => {
  await inject({ route: 'GET /healthz', delayMs: 80, status: 418, body: 'teapot' })
  const startedAt = performance.now()
  const response = await fetch(`${server.url}/healthz`)
  assert.ok(performance.now() - startedAt >= 79)
  assert.deepEqual([response.status, await response.text()], [418, 'teapot'])
  await inject({ route: 'GET /healthz', status: 200, body: { a: [1] }, headers: { 'x-a': 'b' } })
  const json = await fetch(`${server.url}/healthz`)
  assert.deepEqual([json.headers.get('x-a'), await json.json()], ['b', { a: [1] }])
})

test('the emulator itself has no faults', async () => {
  await inject({ route: '* *', status: 503 })
  assert.equal((await left()).length, 1)
  assert.equal((await ask(server, 'DELETE', 'faults')).status, 204)
  assert.deepEqual(await left(), [])
})

test('what is no fault is refused', async () => {
  const route = 'GET /x'
  const wrong: readonly unknown[] = [
    {},
    { route },
    { route: 'x', status: 500 },
    { route: 'GET', status: 500 },
    { route: 'GET x', status: 500 },
    { route: 'GET /a b', status: 500 },
    { route: `GET /${'a'.repeat(2000)}`, status: 500 },
    { route: 7, status: 500 },
    { route, status: 99 },
    { route, status: 101 },
    { route, status: 1000 },
    { route, status: 500.5 },
    { route, status: '500' },
    { route, status: 500, times: 0 },
    { route, status: 500, times: -1 },
    { route, status: 500, times: 1e9 },
    { route, delayMs: -1 },
    { route, delayMs: 1e9 },
    { route, cutAnswerAfterBytes: -1 },
    { route, cutAnswerAfterBytes: 1, loseAnswer: true },
    { route, status: 500, cutRequestAfterBytes: 1 },
    { route, loseAnswer: 'yes' },
    { route, loseAnswer: false },
    { route, headers: { a: 'b' } },
    { route, status: 500, headers: { a: 'b\r\nset-cookie: c=d' } },
    { route, status: 500, headers: { 'a\r\nb': 'c' } },
    { route, status: 500, headers: { 'content-length': '3' } },
    { route, status: 500, headers: { 'Transfer-Encoding': 'chunked' } },
    { route, status: 500, headers: { a: ['b'] } },
    { route, status: 500, headers: 'a: b' },
    { route, status: 500, headers: Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`h${n}`, ''])) },
    { route, status: 500, body: 'x'.repeat(100_000) },
    { route, statsu: 500 },
    'no JSON',
    '[]',
  ]
  for (const body of wrong) {
    const { status, error } = await ask(server, 'POST', 'faults', body)
    assert.equal(status, 400, JSON.stringify(body))
    assert.match(error.code ?? '', /^(field|body)_/)
  }
  assert.deepEqual(await left(), [])
})

test('faults are bounded in number', async () => {
  for (let n = 0; n < 100; n++) await inject({ route: 'GET /x', delayMs: 1 })
  const { status, error } = await ask(server, 'POST', 'faults', { route: 'GET /x', delayMs: 1 })
  assert.deepEqual([status, error.code], [422, 'rule_violated'])
})

test('a pattern matches in time that does not grow with its stars', () => {
  assert.ok(fits('/v1/*/content', '/v1/files/x/content'))
  assert.ok(fits('*', ''))
  assert.ok(!fits('/a*a', '/a'))
  assert.ok(!fits('/v1/files', '/v1/files/x'))
  const startedAt = performance.now()
  assert.ok(!fits('/*a'.repeat(300), `${'/a'.repeat(30_000)}b`))
  assert.ok(performance.now() - startedAt < 500)
})

const calls = 'POST /yandex.cloud.ai.files.v1.FileService/*'

test('a fault with a status becomes the code of the call that goes with it', async () => {
  const codes = {
    400: 'INVALID_ARGUMENT',
    401: 'UNAUTHENTICATED',
    404: 'NOT_FOUND',
    503: 'UNAVAILABLE',
  } as const
  for (const [status, name] of Object.entries(codes)) {
    await ask(server, 'POST', 'faults', { route: calls, status: Number(status) })
    assert.equal(await codeOf(yandex.list()), grpcCodes[name])
  }
  await ask(server, 'POST', 'faults', { route: calls, delayMs: 60 })
  const startedAt = performance.now()
  assert.deepEqual((await yandex.list()).files, [])
  assert.ok(performance.now() - startedAt >= 59)
})

test('a lost answer of a call leaves the work done', async () => {
  await ask(server, 'POST', 'faults', { route: calls, loseAnswer: true })
  assert.equal(await codeOf(yandex.stored()), grpcCodes.UNAVAILABLE)
  assert.equal((await yandex.list()).files.length, 1)
})

test('the journal tells calls, too', async () => {
  await yandex.stored('a secret')
  await codeOf(yandex.get('nothing'))
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
