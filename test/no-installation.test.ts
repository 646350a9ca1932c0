/** Commands where nothing is: a typo in a setting, or another working folder. Each is the real command in a process of its own. */
import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { ENTRY, entrepot, newDataDir, pasteInto, type Settings } from './cli.harness.ts'
import { TestServer } from './harness.ts'
import { newDatabase, query } from './postgres.ts'
import { isLong, onlyLong } from './rounds.ts'
import { S3TestServer } from './s3/server.ts'
import { s3Settings } from './s3/settings.ts'

const HOW_TO_MAKE_ONE =
  'Correct ENTREPOT_DATA_DIR or ENTREPOT_DATABASE_URL; `entrepot serve` makes a new one, and so do `migrate`, `key create` and `org create` with --init.'

const CHOOSE = 'choose another data folder (ENTREPOT_DATA_DIR)'
const WAY_OUT = 'choose another data folder \\(ENTREPOT_DATA_DIR\\)\\.$'

/** The first ones also under `npm test`. */
const COMMANDS = [
  ['doctor'],
  ['migrate'],
  ['key', 'create'],
  ['org', 'list'],
  ['doctor', '--repair'],
  ['key', 'list'],
  ['key', 'revoke', 'ek_x'],
  ['org', 'create', 'acme'],
  ['org', 'quota', 'default'],
  ['project', 'create', 'reports'],
  ['project', 'list'],
  ['project', 'quota', 'default', '--files', '1'],
] as const

async function refusalOf(args: readonly string[], settings: Settings): Promise<string> {
  const { status, stdout, stderr } = await entrepot(args, settings)
  assert.deepEqual([status, stdout], [1, ''], `${args.join(' ')}: ${stderr}`)
  assert.match(stderr, /^error: [^\n]+\.\n$/)
  assert.doesNotMatch(stderr, /sesame/)
  return stderr.slice('error: '.length, -1)
}

test('every command where no installation is says where it looked, and leaves nothing behind', async (t) => {
  const dataDir = await newDataDir(t)
  const none = `There is no installation in ${dataDir}: there is no such folder. ${HOW_TO_MAKE_ONE}`
  const settings = { ENTREPOT_DATA_DIR: dataDir }
  const refusals = await Promise.all(
    COMMANDS.slice(0, isLong ? undefined : 4).map((args) => refusalOf(args, settings)),
  )
  for (const refusal of refusals) assert.equal(refusal, none)
  const target = ['--to-data-dir', `${dataDir}-target`, '--to-s3-bucket', 'files']
  assert.equal(await refusalOf(['migrate-storage', ...target], settings), none)
  assert.equal(await refusalOf(['migrate-storage', '--abandon', ...target], settings), none)
  assert.deepEqual(await readdir(join(dataDir, '..')), [])
})

test('a folder that is empty, or that holds something else, stays as it is', async (t) => {
  const empty = await newDataDir(t)
  await mkdir(empty)
  const refusal = (dataDir: string) => refusalOf(['doctor'], { ENTREPOT_DATA_DIR: dataDir })
  assert.match(await refusal(empty), /: the folder is empty\. /)
  const others = await newDataDir(t)
  await mkdir(others)
  await writeFile(join(others, 'notes.txt'), 'mine')
  assert.match(await refusal(others), /: the folder holds other things\. /)
  await writeFile(join(others, 'entrepot.db'), '')
  assert.match(await refusal(others), /: its entrepot\.db is no database of Entrepot\. /)
  assert.match(await refusal(join(others, 'notes.txt')), /notes\.txt is no folder; /)
  assert.deepEqual(await readdir(empty), [])
  assert.deepEqual((await readdir(others)).sort(), ['entrepot.db', 'notes.txt'])
})

test('an empty database of PostgreSQL is no installation, and stays empty', async (t) => {
  const url = new URL(await newDatabase())
  const dataDir = await newDataDir(t)
  const settings = { ENTREPOT_DATA_DIR: dataDir, ENTREPOT_DATABASE_URL: url.href }
  const none = `There is no installation in PostgreSQL ${url.host}${url.pathname}: it has none of its tables. ${HOW_TO_MAKE_ONE}`
  for (const args of [['doctor'], ['key', 'create'], ['migrate']])
    assert.equal(await refusalOf(args, settings), none)
  const tables = "select count(*)::int as tables from pg_tables where schemaname = 'public'"
  assert.deepEqual(await query(url.href, tables), [{ tables: 0 }])
  await assert.rejects(readdir(dataDir), { code: 'ENOENT' })
})

test('beside a database whose files are elsewhere nothing is made', { skip: onlyLong }, async (t) => {
  const database = { ENTREPOT_DATABASE_URL: await newDatabase() }
  const server = await TestServer.start({ ...database, ENTREPOT_S3_BUCKET: '' })
  t.after(() => server.stop())
  const dataDir = await newDataDir(t)
  const s3 = await S3TestServer.start()
  t.after(() => s3.stop())
  const elsewhere = { ...database, ENTREPOT_DATA_DIR: dataDir }
  const sentence =
    /^The files of the database are kept on disk \S+, and there are none (on disk \S+|in S3 entrepot-test\/); /
  assert.match(await refusalOf(['doctor'], elsewhere), sentence)
  assert.match(await refusalOf(['key', 'list'], { ...elsewhere, ...(s3Settings(s3) as Settings) }), sentence)
  await assert.rejects(readdir(dataDir), { code: 'ENOENT' })
  assert.deepEqual([...s3.objects.keys()], [])
  // The other way round: the folder of the server, and its database forgotten.
  const forgotten = { ENTREPOT_DATA_DIR: server.dataDir }
  const before = await readdir(server.dataDir)
  assert.match(
    await refusalOf(['key', 'list'], forgotten),
    /: it belongs to one whose database is elsewhere\. /,
  )
  assert.match(
    await refusalOf(['serve', '--port', '0'], forgotten),
    /set ENTREPOT_DATABASE_URL, or put its entrepot\.db back\.$/,
  )
  assert.deepEqual(
    (await readdir(server.dataDir)).filter((name) => !name.startsWith('lock.db')),
    before,
  )
})

/** Commands that make an installation where there is none. */
const MAKERS = [
  ['serve', '--port', '0'],
  ['migrate', '--init'],
  ['key', 'create', '--init'],
  ['org', 'create', 'acme', '--init'],
] as const

test('names that a new installation does not have are refused before it is made', {
  skip: onlyLong,
}, async (t) => {
  const dataDir = await newDataDir(t)
  const refusal = (...flags: string[]) =>
    refusalOf(['key', 'create', '--init', ...flags], { ENTREPOT_DATA_DIR: dataDir })
  assert.equal(await refusal('--org', 'nosuch'), 'There is no organization "nosuch".')
  const noProject = 'There is no project "nosuch" in the organization "default".'
  assert.equal(await refusal('--project', 'default', '--project', 'nosuch'), noProject)
  assert.deepEqual(await readdir(join(dataDir, '..')), [])
})

test('nothing is made in a folder whose database is of another program', { skip: onlyLong }, async (t) => {
  const dataDir = await newDataDir(t)
  await mkdir(dataDir)
  const path = join(dataDir, 'entrepot.db')
  const foreign = new DatabaseSync(path)
  foreign.exec('CREATE TABLE schema_version (version); CREATE TABLE notes (text)')
  foreign.close()
  const sentence = `${path} is no database of Entrepot; choose another data folder, or move that file away.`
  const assertRefused = async (args: readonly string[]) => {
    const before = await readFile(path)
    assert.equal(await refusalOf(args, { ENTREPOT_DATA_DIR: dataDir }), sentence)
    assert.deepEqual([await readdir(dataDir), await readFile(path)], [['entrepot.db'], before])
  }
  for (const args of MAKERS) await assertRefused(args)
  await writeFile(path, 'notes '.repeat(200))
  await assertRefused(['serve', '--port', '0'])
})

test('a damaged database is told with its path', async (t) => {
  const dataDir = await newDataDir(t)
  const settings = { ENTREPOT_DATA_DIR: dataDir }
  assert.equal((await entrepot(['migrate', '--init'], settings)).status, 0)
  const path = join(dataDir, 'entrepot.db')
  const bytes = await readFile(path)
  await writeFile(path, bytes.fill('x', 100, 4096))
  const sentence = `The database ${path} cannot be opened: database disk image is malformed.`
  assert.equal(await refusalOf(['serve', '--port', '0'], settings), sentence)
  assert.equal(await refusalOf(['doctor'], settings), sentence)
})

test('a lock, or a folder for bytes, that is another file is told with its path', {
  skip: onlyLong,
}, async (t) => {
  const dataDir = await newDataDir(t)
  await mkdir(dataDir)
  await writeFile(join(dataDir, 'lock.db'), 'notes '.repeat(200))
  const refusal = await refusalOf(['serve', '--port', '0'], { ENTREPOT_DATA_DIR: dataDir })
  assert.equal(refusal, `The lock ${join(dataDir, 'lock.db')} cannot be taken: file is not a database.`)
  const other = await newDataDir(t)
  await mkdir(other)
  await writeFile(join(other, 'blobs'), 'mine')
  assert.equal(
    await refusalOf(['migrate', '--init'], { ENTREPOT_DATA_DIR: other }),
    `${join(other, 'blobs')} is no folder; move it away, or ${CHOOSE}.`,
  )
  assert.deepEqual(await readdir(other), ['blobs'])
})

test('nothing is made among the tables of another program in PostgreSQL', { skip: onlyLong }, async (t) => {
  const url = await newDatabase()
  await query(url, 'create table notes (text text)')
  const dataDir = await newDataDir(t)
  const { host, pathname } = new URL(url)
  const sentence = `PostgreSQL ${host}${pathname} holds tables of another program and none of Entrepot; name an empty database.`
  const settings = { ENTREPOT_DATA_DIR: dataDir, ENTREPOT_DATABASE_URL: url }
  const refusals = await Promise.all(MAKERS.map((args) => refusalOf(args, settings)))
  for (const refusal of refusals) assert.equal(refusal, sentence)
  const source = { ENTREPOT_DATA_DIR: await newDataDir(t) }
  assert.equal((await entrepot(['migrate', '--init'], source)).status, 0)
  const move = await entrepot(['migrate-storage'], { ...source, ENTREPOT_TO_DATABASE_URL: url })
  assert.deepEqual([move.status, move.stderr], [1, `error: ${sentence}\n`])
  const tables = "select tablename from pg_tables where schemaname = 'public'"
  assert.deepEqual(await query(url, tables), [{ tablename: 'notes' }])
  await assert.rejects(readdir(dataDir), { code: 'ENOENT' })
})

test('what an extension of PostgreSQL has made does not keep an installation out', {
  skip: onlyLong,
}, async (t) => {
  const url = await newDatabase()
  await query(url, 'create extension pg_buffercache')
  const settings = { ENTREPOT_DATA_DIR: await newDataDir(t), ENTREPOT_DATABASE_URL: url }
  const { status, stderr } = await entrepot(['migrate', '--init'], settings)
  assert.deepEqual([status, stderr], [0, ''])
})

test('a database that cannot be reached leaves no folder behind', { skip: onlyLong }, async (t) => {
  const url = new URL(await newDatabase())
  url.pathname = '/missing'
  const dataDir = await newDataDir(t)
  const settings = { ENTREPOT_DATA_DIR: dataDir, ENTREPOT_DATABASE_URL: url.href }
  const refusals = await Promise.all(MAKERS.map((args) => refusalOf(args, settings)))
  for (const refusal of refusals) assert.match(refusal, /has no database "missing"; create it first\.$/)
  assert.deepEqual(await readdir(join(dataDir, '..')), [])
})

test('a data folder that is a file is refused in one sentence', { skip: onlyLong }, async (t) => {
  const dataDir = await newDataDir(t)
  await writeFile(dataDir, 'mine')
  const refusals = await Promise.all(MAKERS.map((args) => refusalOf(args, { ENTREPOT_DATA_DIR: dataDir })))
  for (const refusal of refusals)
    assert.equal(refusal, `${dataDir} is no folder; move it away, or ${CHOOSE}.`)
  const below = { ENTREPOT_DATA_DIR: join(dataDir, 'below') }
  assert.match(await refusalOf(['migrate', '--init'], below), /below is no folder; move it away, or /)
})

test('a data folder that cannot be made or used is told with what to do', async (t) => {
  const parent = await newDataDir(t)
  await mkdir(join(parent, 'held', 'lock.db'), { recursive: true })
  await symlink(join(parent, 'round'), join(parent, 'round'))
  await symlink(join(parent, 'nowhere'), join(parent, 'dangling'))
  const refusal = (name: string) =>
    refusalOf(['serve', '--port', '0'], { ENTREPOT_DATA_DIR: join(parent, name) })
  const [held, round, dangling, long] = await Promise.all(
    ['held', 'round', 'dangling', 'x'.repeat(300)].map(refusal),
  )
  assert.equal(held, `${join(parent, 'held', 'lock.db')} is a folder; move it away, or ${CHOOSE}.`)
  assert.match(round ?? '', new RegExp(`\\(ELOOP\\); correct the links in its path, or ${WAY_OUT}`))
  assert.match(dangling ?? '', new RegExp(`\\(ENOENT\\); make what .* links to, or ${WAY_OUT}`))
  assert.match(long ?? '', new RegExp(`\\(ENAMETOOLONG\\); take a shorter name, or ${WAY_OUT}`))
})

const isRoot = process.getuid?.() === 0

test('a data folder of another user is told by its path, with the user that this is', {
  skip: isRoot && 'only for a user other than root',
}, async (t) => {
  const dataDir = await newDataDir(t)
  await mkdir(dataDir, { mode: 0o500 })
  const sentence = new RegExp(
    `^${dataDir}: .* \\(EACCES\\); give it to the user ".+", who runs this, or ${WAY_OUT}`,
  )
  for (const args of [
    ['serve', '--port', '0'],
    ['key', 'list'],
  ])
    assert.match(await refusalOf(args, { ENTREPOT_DATA_DIR: dataDir }), sentence)
})

test('a command of another user than that of the data folder is told whom to be', {
  skip: !isRoot && 'only root can be another user',
}, async (t) => {
  const nobody = 65534
  const help = entrepot(['--help'], {}, nobody).then(({ status }) => status)
  if ((await help.catch(() => 1)) !== 0) return t.skip('only where everybody may read the checkout')
  const server = await TestServer.start({ ENTREPOT_DATABASE_URL: '', ENTREPOT_S3_BUCKET: '' })
  t.after(() => server.stop())
  const { dataDir } = server
  const told = async (...args: readonly string[]) =>
    (await entrepot(args, { ENTREPOT_DATA_DIR: dataDir }, nobody)).stderr
  const [command, serve] = await Promise.all([told('key', 'list'), told('serve', '--port', '0')])
  const { username } = userInfo()
  assert.match(
    command,
    new RegExp(`\\(EACCES\\); run this as the user "${username}", who owns ${dataDir}, or ${WAY_OUT}`, 'm'),
  )
  assert.match(serve, new RegExp(`\\(EACCES\\); give it to the user ".+", who runs this, or ${WAY_OUT}`, 'm'))
})

test('a start without room for its database names the folder, and says to make room', async (t) => {
  const dataDir = await newDataDir(t)
  // Less than the database keeps for a full disk.
  const start = `ulimit -f 2048; ENTREPOT_DATA_DIR='${dataDir}' exec '${process.execPath}' '${ENTRY}' serve --port 0`
  const { status, stderr } = await pasteInto('sh', start)
  assert.equal(status, 1)
  assert.match(
    stderr,
    new RegExp(
      `^error: ${dataDir}/entrepot\\.db: .* \\(ENOSPC\\); make room on its disk, or ${WAY_OUT}`,
      'm',
    ),
  )
})

test('where nothing can be made the start ends, with what to do', {
  skip: onlyLong || (process.platform !== 'linux' && 'only where there are /proc and /sys'),
}, async () => {
  const refusal = (folder: string) => refusalOf(['serve', '--port', '0'], { ENTREPOT_DATA_DIR: folder })
  const [proc, sys] = await Promise.all([refusal('/proc/entrepot'), refusal('/sys/fs/entrepot')])
  assert.match(proc ?? '', new RegExp(`^/proc/entrepot: .*, or ${WAY_OUT}`))
  assert.match(sys ?? '', new RegExp(`\\); (give it to the user|mount its file system) .*, or ${WAY_OUT}`))
})
