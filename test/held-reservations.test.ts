/** What `doctor` says and frees of reservations that servers hold for what they receive. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { DAY_MS } from '../src/core/ports/clock.ts'
import { entrepot } from './cli.harness.ts'
import { TestServer } from './harness.ts'
import { newDatabase, query } from './postgres.ts'
import { countedFiles, defaultTenant } from './usage.ts'

/** As if a server had begun to receive a file, and died. */
async function reserve(server: TestServer): Promise<void> {
  const { metadata } = server.app.services
  const { organization: organizationId, project: projectId } = await defaultTenant(server)
  const reserved = { organizationId, projectId, files: 1, bytes: 10 }
  // Of the commands, which do not have the clock of the test.
  const now = Date.now()
  const blob = { key: randomBytes(16).toString('hex'), collectAfter: now + DAY_MS }
  await metadata.commit([
    { kind: 'usage.add', usage: reserved },
    { kind: 'blob.intend', blob, reserved },
  ])
}

/** On disk, and in the database that is given. */
async function startOn(t: TestContext, databaseUrl: string) {
  const server = await TestServer.start({ ENTREPOT_DATABASE_URL: databaseUrl, ENTREPOT_S3_BUCKET: '' })
  t.after(() => server.stop())
  const doctor = async (...args: readonly string[]) => {
    const settings = { ENTREPOT_DATA_DIR: server.dataDir, ENTREPOT_DATABASE_URL: databaseUrl }
    const { status, stdout, stderr } = await entrepot(['doctor', ...args], settings)
    assert.equal(status, 0, stderr)
    return stdout
  }
  return { server, doctor }
}

test('doctor tells what a server receives, and frees it once that server is dead', async (t) => {
  const { server, doctor } = await startOn(t, '')
  await reserve(server)
  assert.match(await doctor('--repair'), /^Being received +1$/m)
  assert.equal(await countedFiles(server), 1)
  await server.app.stop()
  assert.match(await doctor(), /^Being received +1$/m)
  assert.match(await doctor('--repair'), /^Being received +0$/m)
  assert.equal(await countedFiles(server), 0)
})

test('on PostgreSQL doctor tells which servers receive, and frees what those held that are no more', async (t) => {
  const url = await newDatabase()
  const { server, doctor } = await startOn(t, url)
  await reserve(server)
  await reserve(server)
  // No server is there to do the same meanwhile.
  await server.app.stop()
  await query(
    url,
    'update unreferenced_blobs set node = 7 where key = (select min(key) from unreferenced_blobs)',
  )
  await query(url, 'insert into nodes (id, seen_at) select node, 0 from unreferenced_blobs where node <> 7')
  assert.match(
    await doctor(),
    /^Being received +2\n {2}1 by server 7, which is no more\n {2}1 by server \d+$/m,
  )
  const { receiving } = JSON.parse(await doctor('--repair', '--json'))
  assert.deepEqual(
    receiving.map(({ isAlive, blobs }: { isAlive: boolean; blobs: number }) => [isAlive, blobs]),
    [[true, 1]],
  )
  assert.equal(await countedFiles(server), 1)
})
