import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { TestServer } from '../../test/harness.ts'
import { LightfieldClient, ok } from '../../test/lightfield-client.ts'
import { bytesOnDisk } from '../../test/upload.harness.ts'
import { parseFileId } from '../core/files/file-id.ts'
import { jobsOf } from './jobs.ts'

test('a server ends by itself the uploads whose time is over, and removes their bytes and no others', async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const client = new LightfieldClient(server)
  const stored = await client.stored('stays')
  const kept = await bytesOnDisk(server)
  const forgotten = await client.staged('goes')
  server.clock.advance({ hours: 1 })
  const row = () => server.app.services.metadata.findFile(parseFileId(forgotten.id) ?? '')
  // Jobs run at the start, side by side: what the first one gives up is collected by the next start's.
  await server.restart()
  while ((await row())?.state !== 'expired') await delay(10)
  await server.restart()
  while ((await bytesOnDisk(server)).length > kept.length) await delay(10)
  assert.deepEqual(await bytesOnDisk(server), kept)
  assert.equal((await row())?.blobKey, null)
  assert.equal(ok(await client.retrieve(stored.id)).status, 'COMPLETED')
  assert.equal(await (await fetch(await client.link(stored.id))).text(), 'stays')
})

test('answers that are kept no longer are removed', async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const { services } = server.app
  const slot = { organizationId: 'x', operation: 'y', key: 'z' }
  const now = services.clock.now()
  const end = now + 1
  await services.metadata.commit([{ kind: 'answer.claim', slot, token: 't', now, leaseUntil: end }])
  await services.metadata.commit([
    { kind: 'answer.save', slot, token: 't', answer: { status: 200, body: '{}' }, keepUntil: end },
  ])
  const run = () => Promise.all(jobsOf(services).map((job) => job.run()))
  await run()
  assert.notEqual(await services.metadata.findAnswer(slot, now), undefined)
  server.clock.advance({ ms: 1 })
  await run()
  assert.equal(await services.metadata.findAnswer(slot, now), undefined)
})
