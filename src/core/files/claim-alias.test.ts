import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { rounds } from '../../../test/rounds.ts'
import { runJobs } from '../../../test/run-jobs.ts'
import { storedFile } from '../../../test/stored-file.ts'
import { usageNow } from '../../../test/usage.ts'
import { authenticate } from '../access/admit.ts'
import { MINUTE_MS } from '../ports/clock.ts'
import { cancelUpload } from '../uploads/cancel-upload.ts'
import { type StartUpload, startUpload } from '../uploads/start-upload.ts'
import { deleteFile } from './delete-file.ts'
import type { FileRecord, StateNames } from './file.ts'
import { findByAlias } from './read-file.ts'

const taken = { name: 'ServiceError', code: 'name-taken' }
const missing = { name: 'ServiceError', code: 'file-not-found' }
const stateNames = { pending: 'p', stored: 's', cancelled: 'c', expired: 'e', deleted: 'd' } as StateNames

let server: TestServer
let key: string

before(async () => {
  server = await TestServer.start()
  key = await server.newKey()
})
after(() => server.stop())

async function found(alias: string): Promise<string> {
  const { services } = server.app
  return (await findByAlias(services, await authenticate(services, key), alias)).id
}

async function begun(alias: string, given: Partial<StartUpload> = {}): Promise<FileRecord> {
  const { services } = server.app
  return startUpload(services, await authenticate(services, key), {
    name: 'notes.txt',
    mimeType: 'text/plain',
    sizeBytes: 5,
    purpose: null,
    lifetimeSeconds: 60,
    writeOnce: false,
    sha256: null,
    expiry: { policy: 'never' },
    alias,
    ...given,
  })
}

test('a stored file is found by its alias, and no second one of its project may have it', async () => {
  const file = await storedFile(server, key, { alias: 'report' })
  assert.equal(await found('report'), file.id)
  const before = await usageNow(server)
  await assert.rejects(storedFile(server, key, { alias: 'report' }), taken)
  await assert.rejects(begun('report'), taken)
  assert.deepEqual(await usageNow(server), before)
  const other = await server.newTenant('other')
  assert.notEqual((await storedFile(server, other.key, { alias: 'report' })).id, file.id)
  await assert.rejects(found('REPORT'), missing)
})

test('an upload holds its alias from its beginning, and is not found by it before it is stored', async () => {
  const upload = await begun('upload')
  await assert.rejects(found('upload'), missing)
  await assert.rejects(storedFile(server, key, { alias: 'upload' }), taken)
  const { services } = server.app
  await cancelUpload(services, await authenticate(services, key), { id: upload.id, stateNames })
  assert.equal((await storedFile(server, key, { alias: 'upload' })).id, await found('upload'))
})

test('a deleted file leaves its alias to the next', async () => {
  const { services } = server.app
  const first = await storedFile(server, key, { alias: 'deleted' })
  await deleteFile(services, await authenticate(services, key), first.id)
  await assert.rejects(found('deleted'), missing)
  const second = await storedFile(server, key, { alias: 'deleted' })
  assert.equal(await found('deleted'), second.id)
})

test('the alias of what has ended by time is free at once, before any job has run', async () => {
  const { clock } = server
  const before = (await usageNow(server)).files
  await storedFile(server, key, { alias: 'timed', expiry: { policy: 'at', at: clock.now() + MINUTE_MS } })
  await begun('timed-upload')
  await assert.rejects(storedFile(server, key, { alias: 'timed' }), taken)
  clock.advance({ minutes: 1 })
  await assert.rejects(found('timed'), missing)
  assert.equal((await storedFile(server, key, { alias: 'timed' })).id, await found('timed'))
  assert.equal((await storedFile(server, key, { alias: 'timed-upload' })).id, await found('timed-upload'))
  await runJobs(server)
  assert.equal((await usageNow(server)).files, before + 2)
})

test('of many creates of one alias at once one wins, also where the alias has to be taken over', async () => {
  const { clock } = server
  for (let round = 0; round < rounds({ short: 3, long: 50 }); round++) {
    const alias = `raced-${round}`
    if (round % 2 === 1) {
      await storedFile(server, key, { alias, expiry: { policy: 'at', at: clock.now() + MINUTE_MS } })
      clock.advance({ minutes: 1 })
    }
    const attempts = Array.from({ length: 8 }, (_, i) =>
      i % 2 === 0 ? storedFile(server, key, { alias }, `content ${i}`) : begun(alias),
    )
    const outcomes = await Promise.allSettled(attempts)
    const won = outcomes.filter(({ status }) => status === 'fulfilled')
    assert.equal(won.length, 1)
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        assert.equal(outcome.reason.code, 'name-taken', String(outcome.reason))
  }
})
