import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { AdminClient } from '../admin-client.ts'
import { newFolder } from '../new-folder.ts'
import { until } from '../until.ts'
import { checkRows } from './check-rows.ts'
import { checkStores, reconcileAhead } from './check-stores.ts'
import { ROOT_KEY, ServerProcess, whyNotMeasured } from './server-process.ts'

const SIZE_BYTES = 32 * 1024 * 1024
/** So far a copy has come when the server is killed. */
const WRITTEN_BYTES = 1024 * 1024

test('a server that is killed in the middle of a copy keeps nothing of it', {
  skip: whyNotMeasured(),
}, async (t) => {
  const dataDir = newFolder('entrepot-copies-')
  const server = await ServerProcess.start({ dataDir })
  t.after(() => server.end('SIGKILL'))
  const admin = new AdminClient({ url: server.url, key: ROOT_KEY })
  const { id } = await admin.stored(Buffer.alloc(SIZE_BYTES, 'x'))
  const answer = admin.send('POST', `/files/${id}/copies`, {}).catch(() => 'none')
  assert.ok(await until(10_000, () => stagedBytes(dataDir) > WRITTEN_BYTES, 0))
  await server.end('SIGKILL')
  assert.equal(await answer, 'none')

  const { damaged, orphans } = await reconcileAhead(dataDir)
  assert.deepEqual({ damaged, orphans }, { damaged: [], orphans: [] })
  assert.deepEqual(await checkStores(dataDir), [])
  assert.deepEqual(await checkRows(dataDir), [])
  const again = await ServerProcess.start({ dataDir })
  t.after(() => again.end('SIGKILL'))
  const after = new AdminClient({ url: again.url, key: ROOT_KEY })
  assert.deepEqual(await after.listAll(''), [id])
  assert.deepEqual(await after.listAll('state=pending'), [])
})

/** Of the blob that is being written. */
function stagedBytes(dataDir: string): number {
  const folder = join(dataDir, 'staging')
  const sizes = readdirSync(folder).map((name) => {
    // It may have been published meanwhile.
    return statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0
  })
  return Math.max(0, ...sizes)
}
