/** What people see follows the clock that is set; what only the machine needs does not (`core/ports/clock.ts`). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isReservation, reserveAnswer } from '../src/core/idempotency.ts'
import { collectBlobs } from '../src/core/upkeep/collect-blobs.ts'
import { expectBytes } from '../src/core/uploads/receive-bytes.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient, ok } from './lightfield-client.ts'
import { YandexRest } from './yandex-rest.ts'

/** Too large for the database. */
const LARGE = 'x'.repeat(100_000)

test('a clock set ahead by 48 hours ends files, links and uploads, and nothing that the machine waits for', async (t) => {
  const server = await TestServer.start({ ENTREPOT_RATE_LIMITS: 'search=1' })
  t.after(() => server.stop())
  const { services } = server.app
  const client = new LightfieldClient(server)
  const rest = new YandexRest(server)
  const key = { 'idempotency-key': 'once' }
  const created = ok(await client.create({}, key))
  const link = await client.link((await client.stored()).id)
  const ttl = { expirationConfig: { expirationPolicy: 'STATIC', ttlDays: 1 } }
  const [ending, deleted] = [await rest.stored('ends', ttl), await rest.stored(LARGE)]
  assert.equal((await rest.delete(deleted.id)).status, 200)
  const slot = { organizationId: 'o', operation: 'create', key: 'k' }
  await reserveAnswer(services, slot)
  await expectBytes(services, { organizationId: 'o', size: { atLeast: LARGE.length, atMost: LARGE.length } })
  ok(await client.list())

  server.clock.set({ hours: 48 })
  assert.equal((await rest.get(ending.id)).status, 404)
  assert.equal((await fetch(link)).status, 403)
  assert.equal(ok(await client.retrieve(created.id)).status, 'EXPIRED')
  assert.equal((await client.list()).status, 429, 'the rate limiter')
  assert.equal(ok(await client.create({}, key)).id, created.id, 'an answer that is kept')
  await assert.rejects(reserveAnswer(services, slot), { code: 'idempotency-running' }, 'a lease of a request')
  assert.equal(await collectBlobs(services), 0, 'bytes that are being written, or still read')

  server.clock.advance({ hours: 48 })
  ok(await client.list())
  assert.notEqual(ok(await client.create({}, key)).id, created.id)
  assert.ok(isReservation(await reserveAnswer(services, slot)))
  assert.equal(await collectBlobs(services), 2)
})
