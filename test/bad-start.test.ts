/**
 * What an operator reads who starts a server of many with something wrong: one sentence that says what to do, and nothing
 * of passwords. Each is the real command in a process of its own.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { entrepot, newDataDir, type Settings } from './cli.harness.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient } from './lightfield-client.ts'
import { newDatabase, query } from './postgres.ts'
import { onlyLong } from './rounds.ts'
import { type S3Quirks, S3TestServer } from './s3/server.ts'
import { s3Settings } from './s3/settings.ts'

const ports = { ENTREPOT_PORT: '0', ENTREPOT_GRPC_PORT: 'off', ENTREPOT_METRICS_PORT: 'off' }
const SECRETS = /harbour|sesame|only tests know|AKIA/

/** Nowhere where the SDK looks for them. */
const NO_CREDENTIALS = {
  AWS_ACCESS_KEY_ID: '',
  AWS_SECRET_ACCESS_KEY: '',
  AWS_EC2_METADATA_DISABLED: 'true',
  HOME: '/nowhere',
}

type Context = Parameters<typeof newDataDir>[0]

/** The one line on stderr. */
async function refusalOf(t: Context, settings: Settings): Promise<string> {
  const dataDir = { ENTREPOT_DATA_DIR: await newDataDir(t) }
  const { status, stdout, stderr } = await entrepot(['serve'], { ...ports, ...dataDir, ...settings })
  assert.deepEqual([status, stdout], [1, ''], stderr)
  assert.match(stderr, /^error: [^\n]+\.\n$/)
  assert.doesNotMatch(stderr, SECRETS)
  return stderr.slice('error: '.length, -1)
}

function changed(url: string, change: (parts: URL) => void): Settings {
  const parts = new URL(url)
  change(parts)
  return { ENTREPOT_DATABASE_URL: parts.href }
}

async function startS3(t: Context, quirks: S3Quirks = {}): Promise<Settings> {
  const s3 = await S3TestServer.start(quirks)
  t.after(() => s3.stop())
  return s3Settings(s3) as Settings
}

test('a wrong address, database or password of PostgreSQL stops the start', async (t) => {
  const url = await newDatabase()
  const where = `The database server ${new URL(url).hostname}:`
  const [closed, missing, password] = await Promise.all([
    refusalOf(
      t,
      changed(url, (parts) => (parts.port = '1')),
    ),
    refusalOf(
      t,
      changed(url, (parts) => (parts.pathname = '/missing')),
    ),
    refusalOf(
      t,
      changed(url, (parts) => (parts.password = 'sesame')),
    ),
  ])
  assert.equal(closed, `${where}1 cannot be reached (ECONNREFUSED); see ENTREPOT_DATABASE_URL.`)
  assert.match(missing, /has no database "missing"; create it first\.$/)
  assert.match(password, /refused the password of the user "\w+"; correct ENTREPOT_DATABASE_URL\.$/)
})

test('a database of a newer schema stops the start', { skip: onlyLong }, async (t) => {
  const url = await newDatabase()
  const settings = { ENTREPOT_DATABASE_URL: url, ENTREPOT_DATA_DIR: await newDataDir(t) }
  assert.equal((await entrepot(['migrate', '--init'], settings)).status, 0)
  await query(url, 'update schema_version set version = 1000')
  assert.match(
    await refusalOf(t, settings),
    /^The database has schema version 1000, but this release knows none above \d+\. Use the release that wrote it, or a newer one\.$/,
  )
})

test('a wrong endpoint, bucket or secret of S3 stops the start', async (t) => {
  const s3 = await startS3(t)
  const gone = await S3TestServer.start()
  const { endpoint: nobody } = gone
  await gone.stop()
  const [endpoint, bucket, secret] = await Promise.all([
    refusalOf(t, { ...s3, ENTREPOT_S3_ENDPOINT: nobody }),
    refusalOf(t, { ...s3, ENTREPOT_S3_BUCKET: 'nowhere' }),
    refusalOf(t, { ...s3, AWS_SECRET_ACCESS_KEY: 'sesame' }),
  ])
  assert.match(
    endpoint,
    /cannot be reached \(ECONNREFUSED\); start the store, or correct ENTREPOT_S3_ENDPOINT/,
  )
  assert.match(bucket, /^There is no bucket "nowhere" at \S+; create it, or correct ENTREPOT_S3_BUCKET\.$/)
  assert.match(
    secret,
    /refuses these credentials for the bucket .*; correct AWS_ACCESS_KEY_ID and AWS_SECRET/,
  )
})

test('no secret of S3, and a bucket with versions, stop the start', { skip: onlyLong }, async (t) => {
  const s3 = await startS3(t)
  const [none, versions] = await Promise.all([
    refusalOf(t, { ...s3, ...NO_CREDENTIALS }),
    refusalOf(t, await startS3(t, { versioned: true })),
  ])
  assert.match(none, /^There are no credentials for the bucket .*; set AWS_ACCESS_KEY_ID and AWS_SECRET/)
  assert.match(versions, /keeps old versions, .*; use a bucket without versioning\.$/)
})

test('a bucket and a database of two installations stop the start, whichever is the other’s', {
  skip: onlyLong,
}, async (t) => {
  const s3 = await startS3(t)
  const database = { ENTREPOT_DATABASE_URL: await newDatabase() }
  const server = await TestServer.start({ ...s3, ...database })
  t.after(() => server.stop())
  const sentence =
    /^The bucket "entrepot-test" holds the files of another installation than the database; use another bucket or ENTREPOT_S3_PREFIX\.$/
  assert.match(await refusalOf(t, s3), sentence)
  assert.match(await refusalOf(t, { ...s3, ENTREPOT_DATABASE_URL: await newDatabase() }), sentence)
})

test('a folder of another installation, named by mistake, does not keep a new database from its own', {
  skip: onlyLong,
}, async (t) => {
  const other = await TestServer.start({ ENTREPOT_DATABASE_URL: '', ENTREPOT_S3_BUCKET: '' })
  t.after(() => other.stop())
  const own = { ENTREPOT_DATABASE_URL: await newDatabase(), ENTREPOT_S3_BUCKET: '' }
  assert.match(await refusalOf(t, { ...own, ENTREPOT_DATA_DIR: other.dataDir }), /are of two installations/)
  const server = await TestServer.start(own)
  await server.stop()
})

test('a second server with an empty folder, or an empty bucket, of its own does not start on the database', {
  skip: onlyLong,
}, async (t) => {
  const database = { ENTREPOT_DATABASE_URL: await newDatabase() }
  // On disk, wherever the suite keeps its bytes.
  const server = await TestServer.start({ ...database, ENTREPOT_S3_BUCKET: '' })
  t.after(() => server.stop())
  const sentence =
    /^The files of the database are kept on disk \S+, and there are none (\S.*); let all servers share one data folder or bucket, or move the files \(docs\/operating\.md\)\.$/
  // Also before anything is kept there.
  assert.match(await refusalOf(t, database), sentence)
  await new LightfieldClient(server).stored()
  const [folder, bucket] = await Promise.all([
    refusalOf(t, database),
    refusalOf(t, { ...database, ...(await startS3(t)) }),
  ])
  assert.match(sentence.exec(folder)?.[1] ?? '', /^on disk \S+:\/\S+$/)
  assert.equal(sentence.exec(bucket)?.[1], 'in S3 entrepot-test/')
  await server.restart()
})

test('a bucket that lost everything stops the start, so that nobody takes it for a new one', async (t) => {
  const s3 = await S3TestServer.start()
  t.after(() => s3.stop())
  const settings = {
    ...(s3Settings(s3) as Settings),
    ENTREPOT_DATABASE_URL: await newDatabase(),
    // What the database holds itself no bucket can lose.
    ENTREPOT_INLINE_BYTES: '0',
  }
  const server = await TestServer.start(settings)
  t.after(() => server.stop())
  await new LightfieldClient(server).stored()
  s3.objects.clear()
  assert.match(
    await refusalOf(t, settings),
    /^The files of the database are not in S3 entrepot-test\/; start with the settings for where they are, or put them back with their file STORE\.$/,
  )
})
