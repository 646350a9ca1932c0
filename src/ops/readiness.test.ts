import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { TestServer } from '../../test/harness.ts'
import { until } from '../../test/until.ts'
import { withGrpc, YandexClient } from '../../test/yandex-client.ts'
import { StoreError } from '../core/errors.ts'
import { Health, HealthCheckResponse_ServingStatus } from '../grpc/gen/health_pb.js'
import { Readiness } from './readiness.ts'

/** Stores that count how often they are checked; `broken` has the name of those that do not answer. */
function startCounting() {
  const broken = new Set<string>()
  const checks = { database: 0, blobs: 0 }
  const lines: string[] = []
  const check = (name: keyof typeof checks) => async () => {
    checks[name]++
    if (broken.has(name)) throw new StoreError('unavailable', 'away')
  }
  const services = { metadata: { check: check('database') }, blobs: { check: check('blobs') } }
  const state = { now: 0, isStopping: false }
  const log = (facts: unknown, text?: string) => void lines.push(text ?? String(facts))
  const readiness = new Readiness({
    services: services as never,
    isStopping: () => state.isStopping,
    logger: { info: log, warn: log } as never,
    now: () => state.now,
  })
  return { broken, checks, lines, state, readiness }
}

test('a good result stands for five seconds, a bad one for one', async () => {
  const { broken, checks, state, readiness } = startCounting()
  const at = async (ms: number) => {
    state.now = ms
    return readiness.findProblems()
  }
  assert.deepEqual(await at(0), [])
  broken.add('blobs')
  assert.deepEqual(await at(4_999), [])
  assert.deepEqual(checks, { database: 1, blobs: 1 })
  assert.deepEqual(await at(5_000), ['blobs does not answer'])
  broken.clear()
  assert.deepEqual(await at(5_999), ['blobs does not answer'])
  assert.deepEqual(checks, { database: 2, blobs: 2 })
  assert.deepEqual(await at(6_000), [])
})

test('all who ask at once share one check, and a stop is told without one', async () => {
  const { checks, state, readiness } = startCounting()
  const asked = Array.from({ length: 20 }, () => readiness.findProblems())
  state.isStopping = true
  assert.deepEqual(new Set((await Promise.all(asked)).flat()), new Set(['stopping']))
  state.now = 60_000
  assert.deepEqual(await readiness.findProblems(), ['stopping'])
  assert.deepEqual(checks, { database: 1, blobs: 1 })
})

test('the log tells when a part begins and ceases to fail, not each time that it is found to', async () => {
  const { broken, lines, state, readiness } = startCounting()
  for (const parts of [['database'], ['database', 'blobs'], ['database', 'blobs'], []]) {
    broken.clear()
    for (const part of parts) broken.add(part)
    state.now += 10_000
    await readiness.findProblems()
  }
  assert.deepEqual(lines, ['not ready', 'not ready', 'ready again'])
})

async function start(t: TestContext) {
  const server = await TestServer.start(withGrpc)
  t.after(() => server.stop())
  const client = new YandexClient(server.grpcAddress, undefined)
  t.after(() => client.close())
  const healthOf = async () => (await client.call(Health.method.check, { service: '' })).status
  const readyz = async () => (await fetch(`${server.url}/readyz`)).status
  return { server, healthOf, readyz }
}

const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus

test('any number of questions over HTTP and gRPC costs the stores one check', async (t) => {
  const { server, healthOf, readyz } = await start(t)
  const { metadata, blobs } = server.app.services
  const [rows, bytes] = [t.mock.method(metadata, 'check'), t.mock.method(blobs, 'check')]
  for (let i = 0; i < 10; i++)
    assert.deepEqual(await Promise.all([readyz(), readyz(), healthOf()]), [200, 200, SERVING])
  assert.deepEqual([rows.mock.callCount(), bytes.mock.callCount()], [1, 1])
})

for (const part of ['metadata', 'blobs'] as const)
  test(`while ${part} are away the health of gRPC is NOT_SERVING, as /readyz is 503, and SERVING again after`, async (t) => {
    const { server, healthOf, readyz } = await start(t)
    const away = t.mock.method(server.app.services[part], 'check', async () => {
      throw new StoreError('unavailable', 'away')
    })
    assert.deepEqual([await healthOf(), await readyz()], [NOT_SERVING, 503])
    away.mock.restore()
    assert.ok(await until(5_000, async () => (await healthOf()) === SERVING))
    assert.equal(await readyz(), 200)
  })
