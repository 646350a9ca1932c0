import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { DAY_MS } from '../src/core/ports/clock.ts'
import { reconcile } from '../src/core/upkeep/reconcile.ts'
import { parseFileId } from '../src/dialects/all.ts'
import { fileIds as llamacloudIds } from '../src/dialects/llamacloud/ids.ts'
import { entrepot, type Outcome, Running, type Settings, startEntrepot } from './cli.harness.ts'
import type { TestServer } from './harness.ts'
import { LightfieldClient } from './lightfield-client.ts'
import { LlamaCloudClient } from './llamacloud-client.ts'
import {
  both,
  Installation,
  moves,
  moving,
  newBucket,
  newPostgres,
  startOnDisk,
  statusOf,
} from './move.harness.ts'
import { newFolder } from './new-folder.ts'
import { newDatabase } from './postgres.ts'
import { onlyLong } from './rounds.ts'
import { defaultTenant, usageNow } from './usage.ts'
import { YandexRest } from './yandex-rest.ts'

function at(server: TestServer, settings: Settings = {}): Settings {
  return { ENTREPOT_DATA_DIR: server.dataDir, ...settings }
}

function assertDone({ status, stdout, stderr }: Outcome): void {
  assert.equal(status, 0, stdout + stderr)
}

/** Every file keeps its bytes, and there are no others. */
async function assertClean(server: TestServer): Promise<void> {
  const { orphans, damaged } = await reconcile(server.app.services, false)
  assert.deepEqual([orphans, damaged], [[], []])
}

/** Reads again and again until told to stop. @returns every status that was answered */
function keepReading(installation: Installation): { stop(): Promise<Set<number>> } {
  let stopped = false
  const statuses = new Set<number>()
  const field = new LightfieldClient(installation.server)
  const reading = (async () => {
    while (!stopped) {
      const [id = ''] = installation.files.keys()
      statuses.add((await field.list()).status).add((await field.retrieve(id)).status)
      statuses.add(await statusOf(await field.link(id)))
      await delay(5)
    }
  })()
  return {
    async stop() {
      stopped = true
      await reading
      return statuses
    },
  }
}

test('an installation moves to PostgreSQL and S3 and back, and nobody sees a difference', async (t) => {
  const server = await startOnDisk(t)
  const installation = await Installation.fill(server)
  const target = both(await newPostgres(), await newBucket(t))
  const reading = keepReading(installation)
  assertDone(await moves(at(server), target))
  // The server goes on meanwhile, and what comes and goes is taken along.
  const added = await installation.add(2000)
  await installation.remove(await installation.add(3000))
  const [link, seen] = [await installation.link(), await installation.seen()]
  assertDone(await moves(at(server), target, '--finish'))
  assert.deepEqual([...(await reading.stop())], [200])
  assert.ok(installation.files.has(added))
  assert.deepEqual(await installation.seen(), seen)

  // Each dialect refuses changes in its own words.
  const refusals = [
    await new LightfieldClient(server).create(),
    await new LlamaCloudClient(server).delete(llamacloudIds.print(parseFileId(added) ?? '')),
    await new YandexRest(server).create(),
  ]
  for (const { status, headers, text } of refusals) {
    assert.equal(status, 503, text)
    assert.match(headers.get('retry-after') ?? '', /^([12]\d|30)$/)
  }
  await assert.rejects(
    server.restart(),
    /^Error: The installation was moved to PostgreSQL .* and S3 entrepot-test\//,
  )

  await server.restart(target.settings)
  assert.deepEqual(await installation.seen(), seen)
  await installation.assertReadable(link)
  await assertClean(server)

  const folder = newFolder('entrepot-move-')
  const home = { settings: { ENTREPOT_DATA_DIR: folder }, flags: ['--to-data-dir', folder], variables: {} }
  await installation.add(100)
  const before = await installation.seen()
  const source = at(server, target.settings)
  assertDone(await moves(source, home, '--finish'))
  await assert.rejects(
    server.restart(target.settings),
    /^Error: The installation was moved to SQLite in .* and the disk in/,
  )
  await server.restart({ ...home.settings, ENTREPOT_DATABASE_URL: '', ENTREPOT_S3_BUCKET: '' })
  assert.deepEqual(await installation.seen(), before)
  await installation.assertReadable(link)
  await installation.assertGoesOn()
  await assertClean(server)
})

test('bytes alone move, then rows alone, to where the installation was before', {
  skip: onlyLong,
}, async (t) => {
  const server = await startOnDisk(t)
  const installation = await Installation.fill(server)
  const seen = await installation.seen()
  const link = await installation.link()
  const bucket = await newBucket(t)
  assertDone(await moves(at(server), bucket, '--finish'))
  assert.equal((await new LightfieldClient(server).create()).status, 503)
  await assert.rejects(server.restart({}), /are kept in S3 entrepot-test\//)
  // Looking at it does not let changes in; the first server does.
  assertDone(await entrepot(['doctor'], at(server, bucket.settings)))
  assert.equal((await entrepot(['org', 'create', 'new'], at(server, bucket.settings))).status, 1)
  await server.restart(bucket.settings)
  await installation.assertReadable(link)
  await installation.add(100_077)

  const all = both(await newPostgres(), bucket)
  assertDone(await moves(at(server, bucket.settings), all, '--finish'))
  await server.restart(all.settings)
  await installation.assertReadable(link)

  // Back to the folder that has all of it already, but for one file.
  const home = { settings: {}, flags: [], variables: {} }
  const { stdout } = await moves(at(server, all.settings), home, '--finish')
  assert.match(stdout, /Copied 1 blobs, 97\.7 KiB/)
  await server.restart({ ENTREPOT_DATABASE_URL: '' })
  await installation.assertReadable(link)
  await installation.assertGoesOn()
  assert.notDeepEqual(await installation.seen(), seen)
  await assertClean(server)
})

test('what is being received when an installation moves is given up there, with the room it took', {
  skip: onlyLong,
}, async (t) => {
  const server = await startOnDisk(t)
  const { organization, project } = await defaultTenant(server)
  await new LightfieldClient(server).stored('a file')
  const reserved = { organizationId: organization, projectId: project, files: 1, bytes: 1000 }
  const blob = { key: 'c'.repeat(32), collectAfter: server.clock.now() + DAY_MS }
  await server.app.services.metadata.commit([
    { kind: 'usage.add', usage: reserved },
    { kind: 'blob.intend', blob, reserved },
  ])
  const target = both(await newPostgres(), await newBucket(t))
  assertDone(await moves(at(server), target, '--finish'))
  await server.restart(target.settings)
  assert.deepEqual(await usageNow(server), { files: 1, bytes: 6 })
})

test('a move that is killed goes on where it was', { skip: onlyLong }, async (t) => {
  const server = await startOnDisk(t)
  const installation = new Installation(server)
  for (let i = 0; i < 60; i++) await installation.add(i === 7 ? 20_000_000 : 100_000 + i)
  const seen = await new LightfieldClient(server).list('?limit=100')
  const bucket = await newBucket(t)
  const target = both(await newPostgres(), bucket)
  /** Runs until killed. @returns whether it was */
  const run = async (killWhen: () => Promise<unknown>) => {
    const [there, sent] = [new Set(bucket.s3.objects.keys()), bucket.s3.puts.length]
    const child = startEntrepot(...moving(at(server), target, '--finish'))
    const { ended } = new Running(child)
    await Promise.race([killWhen(), ended])
    child.kill('SIGKILL')
    const wasKilled = (await ended) === null
    // What is there is not sent again.
    assert.deepEqual(
      bucket.s3.puts.slice(sent).filter((name) => there.has(name)),
      [],
    )
    return wasKilled
  }
  let kills = 0
  for (const blobs of [1, 25, 45]) {
    const isCopying = async () => {
      while (bucket.s3.objects.size < blobs + randomInt(8)) await delay(1)
    }
    if (await run(isCopying)) kills++
  }
  assert.equal(kills, 3)
  await run(() => delay(600 + randomInt(1200)))
  const last = await moves(at(server), target, '--finish')
  if (!/was moved to .* already/.test(last.stderr)) assertDone(last)
  await server.restart(target.settings)
  assert.deepEqual((await new LightfieldClient(server).list('?limit=100')).body, seen.body)
  await installation.assertReadable(await installation.link())
  await assertClean(server)
})

test('bytes that are not those of their row are reported, and nothing is moved', async (t) => {
  const server = await startOnDisk(t)
  const installation = new Installation(server)
  const [rotten, lost] = [await installation.add(100_000), await installation.add(100_000)]
  await installation.add(100_000)
  const pathOf = async (id: string) => {
    const row = await server.app.services.metadata.findFile(parseFileId(id) ?? '')
    const key = row?.blobKey ?? ''
    return join(server.dataDir, 'blobs', key.slice(0, 2), key)
  }
  const path = await pathOf(rotten)
  const sound = await readFile(path)
  await writeFile(path, Buffer.from(sound).fill(0, 500, 501).fill(1, 501, 502))
  await rm(await pathOf(lost))
  const bucket = await newBucket(t)
  const { status, stdout } = await moves(at(server), bucket, '--finish')
  assert.equal(status, 1)
  assert.match(stdout, new RegExp(`${parseFileId(rotten)} .*bytes differ`))
  assert.match(stdout, new RegExp(`${parseFileId(lost)} .*bytes missing`))
  assert.equal([...bucket.s3.objects.keys()].filter((name) => name.startsWith('blobs/')).length, 1)
  assert.equal((await new LightfieldClient(server).create()).status, 200)

  await writeFile(path, sound)
  await installation.remove(lost)
  assertDone(await moves(at(server), bucket, '--finish'))
})

test('a move can be given up while the target has no rows, and the database is left shut until then', {
  skip: onlyLong,
}, async (t) => {
  const server = await startOnDisk(t)
  const installation = new Installation(server)
  await installation.add(10)
  const target = await newPostgres()
  assertDone(await moves(at(server), target))
  await assert.rejects(server.restart(target.settings), /is being moved to this database; finish that first/)
  await server.restart()

  const release = await holdRows(t, target.settings.ENTREPOT_DATABASE_URL ?? '')
  const child = startEntrepot(...moving(at(server), target, '--finish'))
  const running = new Running(child)
  while ((await new LightfieldClient(server).create()).status !== 503) await delay(10)
  child.kill('SIGKILL')
  await running.ended
  assert.equal((await new LightfieldClient(server).list()).status, 200)
  const elsewhere = await moves(at(server), await newPostgres(), '--finish')
  assert.equal(elsewhere.status, 1)
  assert.match(elsewhere.stderr, /is being moved to PostgreSQL .*finish that first, or give it up/)
  await release()
  assertDone(await moves(at(server), target, '--abandon'))
  assert.equal((await new LightfieldClient(server).create()).status, 200)
  assert.equal((await moves(at(server), target, '--abandon')).status, 1)
  assertDone(await moves(at(server), target, '--finish'))
})

test('no move overwrites another installation, and none goes nowhere', { skip: onlyLong }, async (t) => {
  const server = await startOnDisk(t)
  const other = await startOnDisk(t)
  await new Installation(other).add(5)
  const taken = { settings: {}, flags: ['--to-data-dir', other.dataDir], variables: {} }
  const { status, stderr } = await moves(at(server), taken, '--finish')
  assert.equal(status, 1)
  assert.match(stderr, /of another installation|holds another installation/)
  const nowhere = await moves(at(server), { settings: {}, flags: [], variables: {} })
  assert.match(
    nowhere.stderr,
    /The target is where the installation is; .* --to-s3-bucket or --to-data-dir\.$/m,
  )
  const wrong = await moves(at(server), { settings: {}, flags: ['--to-s3-bucket', 'A B'], variables: {} })
  assert.deepEqual([wrong.status, wrong.stderr.startsWith('error: --to-s3-bucket must be')], [2, true])
  assert.equal((await readdir(other.dataDir)).includes('move.db'), false)
  assert.equal((await new LightfieldClient(other).create()).status, 200)
})

test('what fails at the target is told with the settings of the target', { skip: onlyLong }, async (t) => {
  const server = await startOnDisk(t)
  const database = new URL(await newDatabase())
  const { flags, variables, s3 } = await newBucket(t)
  const refusal = async (settings: Settings, ...args: readonly string[]) => {
    const { status, stderr } = await entrepot(['migrate-storage', ...args], at(server, settings))
    assert.equal(status, 1)
    return stderr
  }
  const changed = (change: Partial<URL>) => ({
    ENTREPOT_TO_DATABASE_URL: Object.assign(new URL(database), change).href,
  })
  const file = join(server.dataDir, 'entrepot.db', 'below')
  // One after the other: a source is moved once at a time.
  const closed = await refusal(changed({ port: '1' }))
  const password = await refusal(changed({ password: 'sesame' }))
  const bucket = await refusal(variables, ...flags, '--to-s3-bucket', 'nowhere')
  const nobody = { ENTREPOT_TO_S3_BUCKET: s3.bucket, ENTREPOT_TO_S3_ENDPOINT: 'http://127.0.0.1:1' }
  const endpoint = await refusal({ ...variables, ...nobody })
  const secret = await refusal({ ...variables, ENTREPOT_TO_AWS_SECRET_ACCESS_KEY: 'sesame' }, ...flags)
  const folder = await refusal({ ENTREPOT_TO_DATABASE_URL: database.href, ENTREPOT_TO_DATA_DIR: file })
  assert.match(closed, /ECONNREFUSED\); see ENTREPOT_TO_DATABASE_URL\.$/m)
  assert.match(password, /correct ENTREPOT_TO_DATABASE_URL\.$/m)
  assert.match(bucket, /no bucket "nowhere" .* or correct --to-s3-bucket\.$/m)
  assert.match(endpoint, /ECONNREFUSED\); start the store, or correct ENTREPOT_TO_S3_ENDPOINT\.$/m)
  assert.match(secret, /correct ENTREPOT_TO_AWS_ACCESS_KEY_ID and ENTREPOT_TO_AWS_SECRET_ACCESS_KEY/)
  assert.match(folder, /choose another data folder \(ENTREPOT_TO_DATA_DIR\)\.$/m)
})

/** Holds a lock that lets nobody write one of the tables. @returns what gives it back */
async function holdRows(t: TestContext, url: string): Promise<() => Promise<void>> {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  t.after(() => client.end())
  await client.query('begin; lock table link_keys in share mode')
  return async () => void (await client.query('rollback'))
}
