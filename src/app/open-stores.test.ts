import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { entrepot } from '../../test/cli.harness.ts'
import { TestServer } from '../../test/harness.ts'
import { LightfieldClient, ok } from '../../test/lightfield-client.ts'

/** What a first start has: rows in SQLite, bytes on disk. */
async function startOnDefaults(t: TestContext): Promise<TestServer> {
  const server = await TestServer.start({ ENTREPOT_DATABASE_URL: '', ENTREPOT_S3_BUCKET: '' })
  t.after(() => server.stop())
  return server
}

test('a database and bytes of two installations are not served, nor examined, until they are put right', async (t) => {
  const [server, other] = [await startOnDefaults(t), await startOnDefaults(t)]
  const [own, foreign] = [join(server.dataDir, 'STORE'), join(other.dataDir, 'STORE')]
  const right = await readFile(own, 'utf8')
  await writeFile(own, await readFile(foreign, 'utf8'))
  const sentence = `The database and the files in ${server.dataDir} are of two installations; put back the ones that belong together.`
  await assert.rejects(server.restart(), { message: sentence })
  const doctor = await entrepot(['doctor', '--repair'], { ENTREPOT_DATA_DIR: server.dataDir })
  assert.deepEqual([doctor.status, doctor.stderr], [1, `error: ${sentence}\n`])
  await writeFile(own, right)
  await server.restart()
})

test('reads are answered while the database cannot write, and the write is made once it can', async (t) => {
  const server = await startOnDefaults(t)
  const client = new LightfieldClient(server)
  const { id } = await client.stored()
  const other = new DatabaseSync(join(server.dataDir, 'entrepot.db'))
  t.after(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  let isCreated = false
  const created = client.create().then((answer) => {
    isCreated = true
    return answer
  })
  assert.equal(ok(await client.retrieve(id)).status, 'COMPLETED')
  assert.equal(ok(await client.list()).totalCount, 1)
  assert.equal(isCreated, false)
  other.exec('ROLLBACK')
  ok(await created)
})
