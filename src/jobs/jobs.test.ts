import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { TestServer } from '../../test/harness.ts'
import { LightfieldClient, ok } from '../../test/lightfield-client.ts'
import { linkToken } from '../../test/link-token.ts'
import { runJobs } from '../../test/run-jobs.ts'
import { patch, TusClient } from '../../test/tus-client.ts'
import { keptBytes } from '../../test/upload.harness.ts'
import { hasBytes } from '../core/files/file.ts'
import { readLink } from '../core/links/link-token.ts'
import type { Change } from '../core/ports/changes.ts'
import { parseFileId } from '../dialects/all.ts'
import { jobsOf } from './jobs.ts'

test('a server ends by itself the uploads whose time is over, and removes their bytes and no others', async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const client = new LightfieldClient(server)
  const stored = await client.stored('stays')
  const kept = await keptBytes(server)
  const forgotten = [await client.staged('goes'), await client.staged('goes'.repeat(50_000))]
  server.clock.advance({ hours: 1 })
  const rows = () =>
    Promise.all(forgotten.map(({ id }) => server.app.services.metadata.findFile(parseFileId(id) ?? '')))
  // Jobs run at the start, side by side: what the first one gives up is collected by the next start's.
  await server.restart()
  while (!(await rows()).every((row) => row?.state === 'expired')) await delay(10)
  await server.restart()
  while ((await keptBytes(server)).length > kept.length) await delay(10)
  assert.deepEqual(await keptBytes(server), kept)
  assert.ok((await rows()).every((row) => row !== undefined && !hasBytes(row)))
  assert.equal(ok(await client.retrieve(stored.id)).status, 'COMPLETED')
  assert.equal(await (await fetch(await client.link(stored.id))).text(), 'stays')
})

test('answers that are kept no longer are removed, however many there are', async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const { services } = server.app
  const slotOf = (key: number) => ({ organizationId: 'x', operation: 'y', key: `${key}` })
  const now = services.clock.now()
  const end = now + 1
  const answer = { status: 200, body: '{}' }
  const keys = Array.from({ length: 2500 }, (_, key) => key)
  await services.metadata.commit(
    keys.flatMap((key): Change[] => [
      { kind: 'answer.claim', slot: slotOf(key), token: 't', now, leaseUntil: end },
      { kind: 'answer.save', slot: slotOf(key), token: 't', answer, keepUntil: end },
    ]),
  )
  const run = async () => {
    // As the runner does: again, until there is nothing to do.
    for (const job of jobsOf(services)) while ((await job.run()) > 0);
  }
  const kept = async () => {
    const found = await Promise.all(keys.map((key) => services.metadata.findAnswer(slotOf(key), now)))
    return found.filter((one) => one !== undefined).length
  }
  await run()
  assert.equal(await kept(), keys.length)
  server.clock.advance({ ms: 1 })
  await run()
  assert.equal(await kept(), 0)
})

test('an upload whose bytes have all come, but whose end was cut off, is stored', async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const { metadata } = server.app.services
  const link = await new TusClient(server).created(6)
  await patch(link, 0, 'abc')
  const { fileId } = readLink(linkToken(link)) ?? assert.fail('no link')
  const bytes = Buffer.from('def')
  const segment = { start: 3, sizeBytes: 3, sha256: hash('sha256', bytes), blobKey: null, bytes }
  const patched = { blobSizeBytes: 6, segmentCount: 2 }
  await metadata.commit([
    { kind: 'file.update', id: fileId, guard: { state: 'pending' }, patch: patched },
    { kind: 'segment.insert', fileId, segment },
  ])
  server.clock.advance({ hours: 25 })
  await runJobs(server)
  const file = await metadata.findFile(fileId)
  assert.equal(file?.state, 'stored')
  assert.equal(file.sha256, hash('sha256', 'abcdef'))
  const content = await fetch(await new LightfieldClient(server).link(fileId))
  assert.equal(await content.text(), 'abcdef')
})
