/**
 * The test commands of package.json: `npm test` runs the short rounds, and a cross-section again on PostgreSQL and S3;
 * `npm run test:all` (`--all`) runs the long rounds, and all of that second pass.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globalSetup, globalTeardown } from './global-setup.ts'

/** More files at a time than a small machine has cores: many tests wait. */
const FLAGS = [
  '--test',
  '--test-concurrency=4',
  '--test-timeout=600000',
  '--test-reporter=spec',
  '--test-reporter-destination=stdout',
  '--test-reporter=./test/conformance-reporter.ts',
  '--test-reporter-destination=stderr',
]
const EVERY_FILE = ['src/**/*.test.ts', 'test/**/*.test.ts']
/** All that a vendor's SDKs can do, old and new; the short rounds do with a smoke test of each. */
const SUITES = ['test/sdk/*.suite.ts']
/** What whole servers are started on, instead of SQLite and a disk. */
const SHARED_STORES = { ENTREPOT_TEST_STORES: 'postgres', ENTREPOT_TEST_BLOBS: 's3' }
/** Whatever speaks a vendor's API, or the admin API. */
const ON_SHARED_STORES = [
  'src/dialects/**/*.test.ts',
  'src/admin/**/*.test.ts',
  'src/core/uploads/parts.test.ts',
  'src/transfer/**/*.test.ts',
  'test/sdk/*.test.ts',
  'test/interchange*.test.ts',
  'test/quota.test.ts',
  'test/sliding-expiry.test.ts',
]
/** Of these the ones that differ most by store: what is written, raced for, listed, counted and sent. */
const CROSS_SECTION = [
  'src/dialects/lightfield/{lifecycle,idempotency,list,races}.test.ts',
  'src/dialects/llamacloud/{errors,expiry,requests}.test.ts',
  'src/dialects/openai/{files,uploads}.test.ts',
  'src/dialects/yandex/{grpc,rest-create,rest-life}.test.ts',
  'src/transfer/{upload,download,open-upload}.test.ts',
  'src/transfer/tus/uploads.test.ts',
  'test/interchange.test.ts',
]

type Settings = Readonly<Record<string, string>>

/** @returns whether all passed */
async function run(files: readonly string[], settings: Settings): Promise<boolean> {
  const env = { ...process.env, ...settings }
  const child = spawn(process.execPath, [...FLAGS, ...files], { env, stdio: 'inherit' })
  const forward = (signal: NodeJS.Signals) => child.kill(signal)
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.on(signal, forward)
  const [status] = await once(child, 'exit')
  for (const signal of signals) process.off(signal, forward)
  return status === 0
}

async function runAll(isLong: boolean): Promise<boolean> {
  const length: Settings = isLong ? { ENTREPOT_TEST_LONG: '1' } : {}
  return (
    (await run(isLong ? [...EVERY_FILE, ...SUITES] : EVERY_FILE, length)) &&
    (await run(isLong ? [...ON_SHARED_STORES, ...SUITES] : CROSS_SECTION, { ...length, ...SHARED_STORES }))
  )
}

await globalSetup()
const passed = await runAll(process.argv.includes('--all')).finally(globalTeardown)
process.exitCode = passed ? 0 : 1
