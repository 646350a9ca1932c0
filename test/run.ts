/**
 * The test commands of package.json: `npm test` runs the short rounds, and a part of the suite again on PostgreSQL and S3;
 * `npm run test:all` (`--all`) runs the long rounds, and all of that second pass.
 */
import { spawnSync } from 'node:child_process'

const FLAGS = [
  '--test',
  '--test-concurrency=3',
  '--test-timeout=600000',
  '--test-global-setup=test/global-setup.ts',
  '--test-reporter=spec',
  '--test-reporter-destination=stdout',
  '--test-reporter=./test/required-reporter.ts',
  '--test-reporter-destination=stderr',
]
const EVERY_FILE = ['src/**/*.test.ts', 'test/**/*.test.ts']
/** What whole servers are started on, instead of SQLite and a disk. */
const SHARED_STORES = { ENTREPOT_TEST_STORES: 'postgres', ENTREPOT_TEST_BLOBS: 's3' }
/** Whatever speaks a vendor's API. */
const ON_SHARED_STORES = [
  'src/dialects/**/*.test.ts',
  'src/transfer/*.test.ts',
  'test/sdk/*.test.ts',
  'test/interchange*.test.ts',
  'test/quota.test.ts',
  'test/sliding-expiry.test.ts',
]
/** Of these the ones that differ most by store: what is written, raced for, listed, counted and sent. */
const CROSS_SECTION = [
  'src/dialects/*/{lifecycle,idempotency,list,quota,races,expiry,create,content}.test.ts',
  'src/dialects/yandex/{rest-life,grpc}.test.ts',
  'src/transfer/{upload,download}.test.ts',
  'test/interchange.test.ts',
]

function run(files: readonly string[], environment: Record<string, string>): void {
  const env = { ...process.env, ...environment }
  const { status } = spawnSync(process.execPath, [...FLAGS, ...files], { env, stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}

const all = process.argv.includes('--all')
const length: Record<string, string> = all ? { ENTREPOT_TEST_LONG: '1' } : {}
run(EVERY_FILE, length)
run(all ? ON_SHARED_STORES : CROSS_SECTION, { ...length, ...SHARED_STORES })
