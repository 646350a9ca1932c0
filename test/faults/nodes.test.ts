/**
 * Three servers on one PostgreSQL and one bucket. One of them is killed with `kill -9` again and again, under load, while the
 * other two go on: nothing acknowledged may be lost, no client of the two may notice, and they give up what the dead were at.
 *
 * `npm test` runs one round, `npm run test:all` a few. The long run:
 *
 *   ENTREPOT_FAULT_ROUNDS=200 node --test test/faults/nodes.test.ts
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { entrepot } from '../cli.harness.ts'
import { newFolder } from '../new-folder.ts'
import { newDatabase, query } from '../postgres.ts'
import { onlyLong, rounds } from '../rounds.ts'
import { S3TestServer } from '../s3/server.ts'
import { s3Settings } from '../s3/settings.ts'
import { PUBLIC_URL } from './api-client.ts'
import { checkRows } from './check-rows.ts'
import { reconcileAhead, referencedBlobs, withStores } from './check-stores.ts'
import { Ledger } from './ledger.ts'
import { LIVING, NodesRun, VICTIM } from './nodes-run.ts'

const ROUNDS = rounds({ short: 1, long: 4 })
/** A round by hand is run however short the others are. */
const skip = process.env.ENTREPOT_FAULT_ROUNDS === undefined && onlyLong
const SEED = Number(process.env.ENTREPOT_FAULT_SEED ?? Math.floor(Math.random() * 2 ** 32))
/** The last round and so many before it leave much behind, which costs memory. */
const ROUNDS_BETWEEN_BUSY = 8

test(`two servers notice nothing of ${ROUNDS} kills of a third, and bury it`, { skip }, async (t) => {
  t.diagnostic(`seed ${SEED}`)
  const folder = newFolder('entrepot-nodes-')
  const s3 = await S3TestServer.start()
  t.after(() => s3.stop())
  const run = await startRun(t, folder, s3)
  for (let round = 0; round < ROUNDS; round++) {
    await run.loadAndKill(round, (ROUNDS - 1 - round) % ROUNDS_BETWEEN_BUSY === 0)
    assert.deepEqual(run.findings, [], `in round ${round}, seed ${SEED}`)
  }
  await checkBurial(t, run, s3)
  assert.deepEqual(await run.checkAll(), [], `at the end, seed ${SEED}`)
  await run.dispose()
  await checkBytes(folder, run, s3)
  checkWork(t, run)
})

async function startRun(t: TestContext, folder: string, s3: S3TestServer): Promise<NodesRun> {
  const settings = {
    ENTREPOT_PUBLIC_URL: PUBLIC_URL,
    ENTREPOT_RESUMABLE_DRAFT: 'on',
    ENTREPOT_GRPC_PORT: 'off',
    ENTREPOT_DATABASE_URL: await newDatabase(),
    ...(s3Settings(s3) as Record<string, string>),
  }
  const ledger = await Ledger.open(join(folder, 'ledger'))
  const run = new NodesRun({ folder, settings, ledger, s3, seed: SEED })
  t.after(() => run.dispose())
  await run.startAll()
  return run
}

/** What the dead left is not collected yet, but nobody waits for them any more. */
async function checkBurial(t: TestContext, run: NodesRun, s3: S3TestServer): Promise<void> {
  const seconds = Math.round((await run.untilBuried()) / 1000)
  const { multiparts, attempts, requests } = run.left
  const taken = await run.listTaken()
  const stored = new Set(keysOf(s3))
  const withBytes = taken.filter((key) => stored.has(key)).length
  t.diagnostic(
    `left by the dead: ${attempts} attempts, ${multiparts} of them as open multiparts, ${withBytes} of them stored by ` +
      `now, and ${requests} idempotent requests; all buried ${seconds} s after the last kill`,
  )
  assert.equal(taken.length, attempts)
  assert.ok(multiparts > 0 && withBytes > 0 && requests > 0, 'the kills met nothing under way')
}

function keysOf({ objects }: S3TestServer): string[] {
  const names = [...objects.keys()].map((name) => name.split('/').at(-1) ?? '')
  return names.filter((name) => /^[0-9a-f]{32}$/.test(name)).sort()
}

/** Every row has its bytes and all bytes have a row, once nothing can come late any more. */
async function checkBytes(folder: string, { settings }: NodesRun, s3: S3TestServer): Promise<void> {
  const { damaged, orphans } = await reconcileAhead(folder, settings)
  assert.deepEqual({ damaged, orphans }, { damaged: [], orphans: [] })
  const keys = (await withStores(folder, referencedBlobs, settings)).map(({ key }) => key)
  assert.deepEqual(keysOf(s3), keys.sort())
  assert.equal(s3.uploads.size, 0, 'multipart uploads are left')
  const { ENTREPOT_DATABASE_URL = '' } = settings
  assert.deepEqual(await query(ENTREPOT_DATABASE_URL, 'select key from unreferenced_blobs'), [])
  assert.deepEqual(await checkRows(folder, ENTREPOT_DATABASE_URL), [])
  const doctor = await entrepot(['doctor', '--verify'], { ...settings, ENTREPOT_DATA_DIR: folder })
  assert.equal(doctor.status, 0, doctor.stdout + doctor.stderr)
}

function checkWork(t: TestContext, { ledger }: NodesRun): void {
  const completed = ledger.entries.filter(({ final }) => final === 'COMPLETED')
  const [ofLiving = 0, ofVictim = 0] = [LIVING, VICTIM].map(
    (name) => completed.filter(({ filename }) => filename.startsWith(name)).length,
  )
  t.diagnostic(`${ledger.entries.length} files; completed: ${ofLiving} by the two, ${ofVictim} by the third`)
  assert.ok(ofVictim > 0 && ofLiving > 0)
}
