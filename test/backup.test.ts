import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { loadConfig } from '../src/app/settings.ts'
import { collectBlobs } from '../src/core/upkeep/collect-blobs.ts'
import { reconcile } from '../src/core/upkeep/reconcile.ts'
import { verifyBytes } from '../src/core/upkeep/verify-bytes.ts'
import { parseFileId } from '../src/dialects/all.ts'
import { type CopyProgress, makeBackup } from '../src/move/backup.ts'
import { restoreBackup } from '../src/move/restore.ts'
import { entrepot, type Outcome, Running, type Settings, startEntrepot } from './cli.harness.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient } from './lightfield-client.ts'
import { both, Installation, newBucket, newPostgres, startOnDisk } from './move.harness.ts'
import { newFolder } from './new-folder.ts'
import { onlyLong } from './rounds.ts'

const untold: CopyProgress = {
  onRows: () => undefined,
  willCopy: () => undefined,
  onBytes: () => undefined,
}

function at(server: TestServer, settings: Settings = {}): Settings {
  return { ENTREPOT_DATA_DIR: server.dataDir, ...settings }
}

function newPlace(): string {
  return join(newFolder('entrepot-backup-'), 'new')
}

function backs(server: TestServer, folder: string, settings: Settings = {}) {
  return makeBackup(loadConfig(at(server, settings)), folder, untold)
}

function restores(folder: string, target: Settings, acceptsDamaged = false) {
  return restoreBackup({ folder, target: loadConfig(target), acceptsDamaged }, untold)
}

function assertDone({ status, stdout, stderr }: Outcome): void {
  assert.equal(status, 0, stdout + stderr)
}

/** Every file has its bytes, each compared with its SHA-256, and there are no others. */
async function assertClean({ app }: TestServer): Promise<void> {
  const { orphans, damaged } = await reconcile(app.services, false)
  const read = await verifyBytes(app.services, async () => undefined)
  assert.deepEqual([orphans, damaged, read.damaged], [[], [], []])
}

test('a backup is not restored for an emulator, whose data are for tests', async () => {
  const target = { ENTREPOT_DATA_DIR: newPlace(), ENTREPOT_EMULATOR: 'on' }
  await assert.rejects(restores(newPlace(), target), /unset ENTREPOT_EMULATOR to restore it/)
})

test('a backup is restored elsewhere, and nobody sees a difference', async (t) => {
  const server = await startOnDisk(t)
  const installation = await Installation.fill(server)
  const folder = newPlace()
  const [link, seen] = [await installation.link(), await installation.seen()]
  assertDone(await entrepot(['backup', folder], at(server)))
  assert.deepEqual(
    [(await stat(folder)).mode, (await stat(join(folder, 'BACKUP'))).mode],
    [0o40700, 0o100600],
  )
  // The server goes on meanwhile.
  await installation.remove(await installation.add(3000))
  const elsewhere = { ENTREPOT_DATA_DIR: newPlace() }
  assertDone(await entrepot(['restore', folder], elsewhere))
  await server.restart(elsewhere)
  assert.deepEqual(await installation.seen(), seen)
  await installation.assertReadable(link)
  await installation.assertGoesOn()
  await assertClean(server)
  await assert.rejects(restores(folder, elsewhere), /There is an installation, or a part of one, in SQLite/)
})

test('an installation on PostgreSQL and S3 is restored from its backup, there and on a disk', {
  skip: onlyLong,
}, async (t) => {
  const places = [
    both(await newPostgres(), await newBucket(t)),
    both(await newPostgres(), await newBucket(t)),
  ]
  const [first, second] = places.map(({ settings }) => settings)
  const server = await TestServer.start(first)
  t.after(() => server.stop())
  const installation = await Installation.fill(server)
  const folder = newPlace()
  const [link, seen] = [await installation.link(), await installation.seen()]
  assertDone(await entrepot(['backup', folder], at(server, first)))
  await installation.remove(await installation.add(100_000))
  for (const settings of [second, { ENTREPOT_DATABASE_URL: '', ENTREPOT_S3_BUCKET: '' }]) {
    const target = { ...settings, ENTREPOT_DATA_DIR: newPlace() }
    assertDone(await entrepot(['restore', folder], target))
    await server.restart(target)
    assert.deepEqual(await installation.seen(), seen)
    await installation.assertReadable(link)
    await assertClean(server)
  }
})

test('nothing is collected while a backup holds the bytes, and everything afterwards', async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const { services } = server.app
  const installation = new Installation(server)
  await installation.remove(await installation.add(100_000))
  server.clock.advance({ days: 1 })
  const holds = [await services.metadata.holdCollection(), await services.metadata.holdCollection()]
  for (const hold of holds) {
    assert.equal(await collectBlobs(services), 0)
    hold.requireHeld()
    await hold.release()
  }
  assert.equal(await collectBlobs(services), 1)
})

test('only an empty folder takes a backup, and only a complete one is restored', {
  skip: onlyLong,
}, async (t) => {
  const server = await startOnDisk(t)
  await new Installation(server).add(100)
  const [folder, target] = [newPlace(), newPlace()]
  await assert.rejects(backs(server, server.dataDir), /is not empty; name an empty folder/)
  const inside = join(server.dataDir, 'spool')
  await assert.rejects(backs(server, inside), /is in the data folder; name one outside/)
  await assert.rejects(restores(folder, { ENTREPOT_DATA_DIR: target }), /^Error: There is no folder/)
  await assert.rejects(
    restores(server.dataDir, { ENTREPOT_DATA_DIR: target }),
    /holds no backup: it has no file/,
  )

  // A connection that breaks, or whatever else.
  const failing = { ...untold, willCopy: () => assert.fail('interrupted') }
  await assert.rejects(makeBackup(loadConfig(at(server)), folder, failing), /interrupted/)
  await assert.rejects(restores(folder, { ENTREPOT_DATA_DIR: target }), /was interrupted; make it again/)
  await assert.rejects(
    TestServer.start({ ENTREPOT_DATA_DIR: folder, ENTREPOT_DATABASE_URL: '', ENTREPOT_S3_BUCKET: '' }),
    /unfinished copy of SQLite in/,
  )
  const outcomes = await Promise.allSettled([backs(server, folder), backs(server, folder)])
  const refusals = outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [outcome.reason.message] : [],
  )
  assert.equal(refusals.length, 1)
  assert.match(refusals[0], /^Another process makes a backup in/)
  assert.deepEqual((await readdir(folder)).sort(), ['BACKUP', 'STORE', 'blobs', 'entrepot.db', 'staging'])
  await assert.rejects(backs(server, folder), /holds the complete backup of/)

  await restores(folder, { ENTREPOT_DATA_DIR: target })
  await assert.rejects(restores(folder, at(server)), /There is an installation, or a part of one/)
  const bytesAlone = newPlace()
  await restores(folder, { ENTREPOT_DATA_DIR: bytesAlone })
  await rm(join(bytesAlone, 'entrepot.db'))
  await assert.rejects(
    restores(folder, { ENTREPOT_DATA_DIR: bytesAlone }),
    /There is an installation, or a part of one, in the disk/,
  )
})

test('an interrupted restore is no installation, and goes on with the same backup alone', {
  skip: onlyLong,
}, async (t) => {
  const server = await startOnDisk(t)
  const installation = new Installation(server)
  await installation.add(100_000)
  const [folder, other, target] = [newPlace(), newPlace(), newPlace()]
  await backs(server, folder)
  await installation.add(100_000)
  await backs(server, other)
  const settings = { ENTREPOT_DATA_DIR: target }
  const failing = { ...untold, onRows: () => assert.fail('interrupted') }
  const restore = { folder, target: loadConfig(settings), acceptsDamaged: false }
  await assert.rejects(restoreBackup(restore, failing), /interrupted/)
  await assert.rejects(server.restart(settings), /unfinished copy of the backup/)
  await assert.rejects(restores(other, settings), /waits for the rest of the backup/)
  const { present, copied, rows } = await restores(folder, settings)
  assert.deepEqual([present, copied, rows?.files?.rows], [1, 0, 1])
})

test('files whose bytes are not as recorded are told, and restored without them only if that is accepted', {
  skip: onlyLong,
}, async (t) => {
  const server = await startOnDisk(t)
  const installation = new Installation(server)
  const [lost, sound] = [await installation.add(100_000), await installation.add(100_001)]
  const row = await server.app.services.metadata.findFile(parseFileId(lost) ?? '')
  const key = row?.blobKey ?? ''
  await rm(join(server.dataDir, 'blobs', key.slice(0, 2), key))
  const [folder, target] = [newPlace(), newPlace()]
  const told = await entrepot(['backup', folder, '--json'], at(server))
  assert.equal(told.status, 1)
  const [{ fileId, reason }] = JSON.parse(told.stdout).damaged
  assert.deepEqual([fileId, reason], [parseFileId(lost), 'bytes missing'])
  const settings = { ENTREPOT_DATA_DIR: target }
  const refused = await restores(folder, settings)
  assert.deepEqual([refused.rows, refused.damaged.length], [undefined, 1])
  await assert.rejects(server.restart(settings), /unfinished copy/)
  assert.equal((await restores(folder, settings, true)).rows?.files?.rows, 2)
  await server.restart(settings)
  installation.files.delete(lost)
  await installation.assertReadable(await new LightfieldClient(server).link(sound))
})

test('rows and bytes that have changed in the folder of a backup are not restored', {
  skip: onlyLong,
}, async (t) => {
  const server = await startOnDisk(t)
  await new Installation(server).add(100_000)
  const folder = newPlace()
  await backs(server, folder)
  const database = join(folder, 'entrepot.db')
  const written = await readFile(database)
  const changed = Buffer.from(written)
  changed.write('MIME/TYPE', changed.lastIndexOf('text/plain'))
  await writeFile(database, changed)
  await assert.rejects(
    restores(folder, { ENTREPOT_DATA_DIR: newPlace() }),
    /The rows of files in .* are not those that were written/,
  )
  await writeFile(database, written)

  const [{ key } = assert.fail()] = await server.app.services.metadata.listReferencedBlobs(undefined, 1)
  const blob = join(folder, 'blobs', key.slice(0, 2), key)
  await writeFile(blob, (await readFile(blob)).fill(0, 500, 600))
  const { rows, damaged } = await restores(folder, { ENTREPOT_DATA_DIR: newPlace() })
  assert.deepEqual(
    [rows, damaged.map(({ reason }) => reason)],
    [undefined, ['bytes differ from their SHA-256']],
  )
})

test('a restore removes nothing that is in its way, not even its own backup', async (t) => {
  const server = await startOnDisk(t)
  await new Installation(server).add(100)
  const target = newPlace()
  const folder = join(target, 'restore')
  await backs(server, folder)
  const written = await readdir(folder)
  await assert.rejects(restores(folder, { ENTREPOT_DATA_DIR: target }), /holds something else; move it away/)
  assert.deepEqual(await readdir(folder), written)
})

test('a damaged file BACKUP is told in a sentence, and its folder is not made anew', async (t) => {
  const server = await startOnDisk(t)
  const folder = newPlace()
  await backs(server, folder)
  const path = join(folder, 'BACKUP')
  const written = await readFile(path, 'utf8')
  const damaged = ['', 'null', '[]', '{}', '{"state":"complete"}', written.replace('complete', 'c0mplete')]
  for (const text of [...damaged, written.replace('"tables"', '"tab1es"'), written.replace('"id"', '"1d"')]) {
    await writeFile(path, text)
    const refused = /BACKUP cannot be read: it is not what was written\.$/
    await assert.rejects(restores(folder, { ENTREPOT_DATA_DIR: newPlace() }), refused)
    await assert.rejects(backs(server, folder), refused)
  }
  assert.ok((await readdir(folder)).includes('entrepot.db'))
})

test('a damaged database of a backup is told by its path', async (t) => {
  const server = await startOnDisk(t)
  const folder = newPlace()
  await backs(server, folder)
  const path = join(folder, 'entrepot.db')
  const written = await readFile(path)
  const page = written.readUInt16BE(16)
  const broken = Buffer.from(written).fill(0, page)
  for (const content of ['not a database'.padEnd(4096), written.subarray(0, page), broken]) {
    await writeFile(path, content)
    await assert.rejects(restores(folder, { ENTREPOT_DATA_DIR: newPlace() }), {
      message: `${path} is damaged; restore another backup to another place.`,
    })
  }
})

test('a backup and a restore that are killed are made again, and hold nothing any more', {
  skip: onlyLong,
}, async (t) => {
  const server = await startOnDisk(t)
  const installation = new Installation(server)
  for (let i = 0; i < 150; i++) await installation.add(i === 7 ? 20_000_000 : 70_000 + i)
  const [link, { text: seen }] = [
    await installation.link(),
    await new LightfieldClient(server).list('?limit=100'),
  ]
  const [folder, target] = [newPlace(), newPlace()]
  /** @returns how often it was killed */
  const kills = async (args: readonly string[], settings: Settings, path: string) => {
    let killed = 0
    for (const blobs of [1, 25, 50]) {
      const child = startEntrepot(args, settings)
      const { ended } = new Running(child)
      const isFar = async () => {
        while ((await blobsIn(path)) < blobs + randomInt(8)) await delay(1)
      }
      await Promise.race([isFar(), ended])
      child.kill('SIGKILL')
      if ((await ended) === null) killed++
    }
    return killed
  }
  assert.equal(await kills(['backup', folder], at(server), join(folder, 'blobs')), 3)
  assert.equal(await server.app.services.metadata.isCollectionHeld(), false)
  assertDone(await entrepot(['backup', folder], at(server)))
  const settings = { ENTREPOT_DATA_DIR: target }
  assert.equal(await kills(['restore', folder], settings, join(target, 'blobs')), 3)
  assertDone(await entrepot(['restore', folder], settings))
  assertDone(await entrepot(['doctor', '--verify'], settings))
  await server.restart(settings)
  assert.equal((await new LightfieldClient(server).list('?limit=100')).text, seen)
  await installation.assertReadable(link)
  await assertClean(server)
})

/** How many blobs a folder has. */
async function blobsIn(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  return names.filter((name) => name.includes('/')).length
}
