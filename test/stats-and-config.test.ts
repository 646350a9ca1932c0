import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkStart, type Finding } from '../src/app/check-start.ts'
import { loadConfig } from '../src/app/settings.ts'
import { entrepot } from './cli.harness.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient } from './lightfield-client.ts'
import { newBucket, newPostgres, startOnDisk } from './move.harness.ts'
import { newFolder } from './new-folder.ts'
import { onlyLong } from './rounds.ts'

test('stats tells how much there is, and who has it', async (t) => {
  const server = await startOnDisk(t)
  await new LightfieldClient(server).stored(Buffer.alloc(100_000))
  const tenant = await server.newTenant('other')
  const theirs = new LightfieldClient(server, tenant.key)
  await theirs.stored('theirs')
  await theirs.pending()
  const settings = { ENTREPOT_DATA_DIR: server.dataDir }
  const [all, byOrganization] = await Promise.all([
    entrepot(['stats', '--json'], settings),
    entrepot(['stats', '--by', 'organization'], settings),
  ])
  const { organizations, projects, files, blobs } = JSON.parse(all.stdout)
  assert.deepEqual([organizations, projects, files.stored, files.pending], [2, 2, 2, 1])
  // The other one is in the database.
  assert.deepEqual(blobs, { blobs: 1, bytes: 100_000, isExact: true })
  assert.match(byOrganization.stdout, /^default +1 +0 +97\.7 KiB$/m)
  assert.match(byOrganization.stdout, /^other +1 +1 +/m)
})

test('config tells each setting in force, and where it is from', async () => {
  const settings = {
    ENTREPOT_ROOT_KEY: 'sesame'.repeat(8),
    ENTREPOT_PORT: '9000',
    ENTREPOT_HOST: '127.0.0.1',
    // Nothing is traced, and so nothing of it is told to be wrong.
    OTEL_SDK_DISABLED: 'true',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://user:sesame@localhost:4318',
  }
  const { stdout, status } = await entrepot(['config', '--json', '--port', '9001'], settings)
  assert.equal(status, 0)
  assert.doesNotMatch(stdout, /sesame/)
  const inForce: readonly { name: string; value: string; from: string }[] = JSON.parse(stdout)
  const found = (variable: string) => inForce.find(({ name }) => name === `ENTREPOT_${variable}`)
  assert.deepEqual(found('PORT'), { name: 'ENTREPOT_PORT', value: '9001', from: 'flag' })
  assert.deepEqual(found('HOST'), { name: 'ENTREPOT_HOST', value: '127.0.0.1', from: 'environment' })
  assert.deepEqual(found('ROOT_KEY'), { name: 'ENTREPOT_ROOT_KEY', value: '[secret]', from: 'environment' })
  assert.equal(found('RATE_LIMITS')?.from, 'default')
})

function problemsOf(findings: readonly Finding[]): readonly string[] {
  return findings.flatMap((finding) =>
    'problem' in finding ? [`${finding.subject}: ${(finding.problem as Error).message}`] : [],
  )
}

function check(settings: Readonly<Record<string, string>>) {
  return checkStart(loadConfig(settings))
}

test('config check finds what a start would fail at, beside a running server, and makes nothing', async (t) => {
  const server = await startOnDisk(t)
  await new LightfieldClient(server).stored(Buffer.alloc(100_000))
  const { dataDir } = server
  assert.deepEqual(problemsOf(await check({ ENTREPOT_DATA_DIR: dataDir })), [])
  const nowhere = join(newFolder('entrepot-check-'), 'data')
  assert.deepEqual(problemsOf(await check({ ENTREPOT_DATA_DIR: nowhere })), [])
  await assert.rejects(writeFile(join(nowhere, 'made'), ''), { code: 'ENOENT' })

  const store = join(dataDir, 'STORE')
  const broken = {
    ENTREPOT_DATA_DIR: dataDir,
    ENTREPOT_TLS_CERT: join(dataDir, 'none.pem'),
    ENTREPOT_TLS_KEY: join(dataDir, 'none.pem'),
  }
  await writeFile(store, 'another\n')
  const [bytes = '', certificate = '', ...others] = problemsOf(await check(broken))
  assert.match(bytes, /^bytes: The database and the files in .* are of two installations/)
  assert.match(certificate, /^certificate: .*none\.pem could not be read/)
  assert.deepEqual(others, [])
})

test('config check leaves nothing in the folder of an installation that no server uses', async () => {
  const dataDir = join(newFolder('entrepot-check-'), 'data')
  assert.equal((await entrepot(['key', 'create', '--init'], { ENTREPOT_DATA_DIR: dataDir })).status, 0)
  const there = await readdir(dataDir)
  assert.deepEqual(problemsOf(await check({ ENTREPOT_DATA_DIR: dataDir })), [])
  assert.deepEqual(await readdir(dataDir), there)
})

test('config check looks at PostgreSQL and a bucket, too', { skip: onlyLong }, async (t) => {
  const [postgres, bucket, other] = [await newPostgres(), await newBucket(t), await newBucket(t)]
  const server = await TestServer.start({ ...postgres.settings, ...bucket.settings })
  t.after(() => server.stop())
  await new LightfieldClient(server).stored(Buffer.alloc(100_000))
  const settings = {
    ...postgres.settings,
    ...bucket.settings,
    ENTREPOT_DATA_DIR: newFolder('entrepot-check-'),
  }
  assert.deepEqual(problemsOf(await check(settings)), [])
  const [missing = ''] = problemsOf(await check({ ...settings, ...other.settings }))
  assert.match(missing, /^bytes: The files of the database are/)
  const [closed = ''] = problemsOf(
    await check({ ...settings, ENTREPOT_DATABASE_URL: 'postgres://u:p@127.0.0.1:1/x' }),
  )
  assert.match(closed, /^database: The database server 127\.0\.0\.1:1 cannot be reached/)
})
