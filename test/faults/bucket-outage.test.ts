/** What clients meet while the bucket is silent, breaks connections or refuses, and when it is well again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { collectBlobs } from '../../src/core/upkeep/collect-blobs.ts'
import { TestServer } from '../harness.ts'
import { LightfieldClient, putBytes } from '../lightfield-client.ts'
import { onlyLong } from '../rounds.ts'
import { type Fault, S3TestServer } from '../s3/server.ts'
import { s3Settings } from '../s3/settings.ts'
import { settledUsage } from '../usage.ts'
import { prepareEveryRequest, sendAll } from './every-request.ts'

/** A put may be sent twice, each time for as long as the store takes its time, and its outcome asked for. */
const PATIENCE_SECONDS = 30
const RECOVERY_SECONDS = 5
const operations = ['PutObject', 'GetObject', 'HeadObject', 'DeleteObject', 'ListMultipartUploads']

const outages: Readonly<Record<string, Fault['effect']>> = {
  'is silent': 'silence',
  'breaks every connection': 'reset',
  'asks everybody to slow down': { status: 503, code: 'SlowDown' },
  'refuses the credentials': { status: 403, code: 'AccessDenied' },
}

async function statusOf(server: TestServer, path: string): Promise<number> {
  const response = await fetch(server.url + path)
  await response.arrayBuffer()
  return response.status
}

for (const [name, effect] of Object.entries(outages))
  test(`while the bucket ${name} requests that need bytes are told so in time, and the others go on`, {
    // Each call is waited for with all its deadlines.
    skip: effect === 'silence' && onlyLong,
  }, async (t) => {
    const s3 = await S3TestServer.start()
    t.after(() => s3.stop())
    const server = await TestServer.start({ ...s3Settings(s3), ENTREPOT_INLINE_BYTES: '0' })
    t.after(() => server.stop())
    const requests = await prepareEveryRequest(server)
    // Vendors that know of a gateway's timeout are told of one.
    const refusals = effect === 'silence' ? [503, 504] : [503]
    s3.break(...operations.map((operation) => ({ operation, effect, times: 1e6 })))
    const [timed, readiness] = await Promise.all([sendAll(requests), statusOf(server, '/readyz')])
    for (const [i, { needs }] of requests.entries()) {
      const { name, answer, seconds } = timed[i] as (typeof timed)[number]
      assert.ok(seconds < PATIENCE_SECONDS, `${name} took ${seconds} s`)
      if (!needs.includes('bytes')) assert.ok(answer.status < 300, `${name}: ${answer.text}`)
      else {
        assert.ok(refusals.includes(answer.status), `${name}: ${answer.status} ${answer.text}`)
        assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d?$/, name)
      }
    }
    assert.equal(readiness, 503)

    s3.heal()
    const begin = performance.now()
    while ((await statusOf(server, '/readyz')) !== 200) await sleep(50)
    assert.ok(performance.now() - begin < RECOVERY_SECONDS * 1000, 'it is not ready soon enough')
    for (const { name, answer } of await sendAll(await prepareEveryRequest(server)))
      assert.ok(answer.status < 300, `${name}: ${answer.text}`)
    await settledUsage(server)
  })

test('files that the database holds are taken, served and deleted while the bucket is away', async (t) => {
  const s3 = await S3TestServer.start()
  t.after(() => s3.stop())
  const server = await TestServer.start(s3Settings(s3))
  t.after(() => server.stop())
  const requests = await prepareEveryRequest(server)
  s3.break(...operations.map((operation) => ({ operation, effect: 'reset' as const, times: 1e6 })))
  for (const { name, answer } of await sendAll(requests))
    assert.ok(answer.status < 300, `${name}: ${answer.status} ${answer.text}`)
})

test('what a refused upload brings to the bucket late is removed, even if it comes after the first removal', async (t) => {
  const s3 = await S3TestServer.start()
  t.after(() => s3.stop())
  const server = await TestServer.start({ ...s3Settings(s3), ENTREPOT_INLINE_BYTES: '0' })
  t.after(() => server.stop())
  const { metadata } = server.app.services
  const client = new LightfieldClient(server)
  await client.staged('other')
  const another = [...s3.objects].find(([name]) => name.startsWith('blobs/'))?.[1]
  assert.ok(another)
  s3.break({ operation: 'PutObject', effect: { status: 503, code: 'SlowDown' }, times: 9 })
  assert.equal((await putBytes(await client.pending({ sizeBytes: 5 }), 'hello')).status, 503)
  s3.heal()
  const [{ key } = assert.fail('it is not known'), ...others] = await metadata.listCollectableBlobs(
    Number.MAX_SAFE_INTEGER,
    9,
  )
  assert.equal(others.length, 0)
  for (const _pass of ['first', 'second']) {
    const name = `blobs/${key.slice(0, 2)}/${key}`
    s3.objects.set(name, another)
    assert.equal(await collectBlobs(server.app.services), 0)
    server.clock.advance({ minutes: 61 })
    assert.equal(await collectBlobs(server.app.services), 1)
    assert.equal(s3.objects.has(name), false)
  }
  assert.deepEqual(await metadata.listCollectableBlobs(Number.MAX_SAFE_INTEGER, 9), [])
})
