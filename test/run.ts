/**
 * The test commands of package.json: `npm test` runs the short rounds, and a cross-section again on PostgreSQL and S3;
 * `npm run test:all` (`--all`) runs the long rounds, and all of that second pass.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { matchesGlob } from 'node:path'
import { text } from 'node:stream/consumers'
import { globalSetup, globalTeardown } from './global-setup.ts'

const FLAGS = [
  '--test',
  '--test-timeout=600000',
  '--test-reporter=spec',
  '--test-reporter-destination=stdout',
  '--test-reporter=./test/conformance-reporter.ts',
  '--test-reporter-destination=stderr',
]
const EVERY_FILE = ['src/**/*.test.ts', 'test/**/*.test.ts']
/** All that a vendor's SDKs can do, old and new; the short rounds do with a smoke test of each. */
const SUITES = ['test/sdk/*.suite.ts']
/** What people see of a server in a browser, whatever its stores are. */
const CONSOLE_SUITES = ['test/console/*.suite.ts']
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

/**
 * Folders whose files share a process each. Most of what a small test file takes is to load the server, and to run it while
 * nothing of it is compiled: these take less than half of the CPU time so.
 */
const SHARED_BY =
  /^(?:src\/(?:dialects\/[a-z]+|admin|transfer|http|core|emulator|grpc|intake|jobs|ops)|test\/sdk(?=\/[^/]+\.test\.ts$))\//
/** Files in `test/` that share a process, a few each: all their servers live on until the last file is done. */
const SHARED_FEW = [
  'test/{base-url,create-only-keys,fidelity,front-page,gauges,held-reservations,hidden-files}.test.ts',
  'test/{find-by-name,store-metrics,tls,traces,two-clocks,whose-request}.test.ts',
  'test/{lost-leases,model-server,names,oidc,path-prefix,plaintext}.test.ts',
  'test/{s3-direct,served-types,shown-types}.test.ts',
  'test/{sliding-expiry,slow-bodies,slow-uploads,stats-and-config}.test.ts',
]
/** They measure the process that they run in, or change it, or take long. */
const BY_THEMSELVES = [
  'src/dialects/llamacloud/{aborts,memory,names}.test.ts',
  'src/dialects/yandex/memory.test.ts',
  'src/intake/{json-content,multipart}/*-{fuzz,stream}.test.ts',
  'src/ops/{log-secrets,text-log}.test.ts',
]

/** At a time, besides the files that have a process of their own, and long before those done. */
const SHARED_PROCESSES = 2
/** More than a small machine has cores: many tests wait. */
const OWN_PROCESSES = 4

type Settings = Readonly<Record<string, string>>

/** @returns whether all passed */
async function run(patterns: readonly string[], settings: Settings): Promise<boolean> {
  const files = patterns.flatMap((pattern) => globSync(pattern)).sort()
  const groups = Map.groupBy(new Set(files), sharedGroup)
  const own = groups.get(undefined) ?? []
  groups.delete(undefined)
  const queue = [...groups.values()].sort((one, other) => one.length - other.length)
  let passed = true
  const takeGroups = async () => {
    for (let group = queue.pop(); group; group = queue.pop())
      passed = (await runShared(group, settings)) && passed
  }
  const lanes = Array.from({ length: SHARED_PROCESSES }, takeGroups)
  passed = (await runOwn(own, settings)) && passed
  await Promise.all(lanes)
  return passed
}

/** @returns undefined: a process of its own */
function sharedGroup(file: string): string | undefined {
  if (BY_THEMSELVES.some((pattern) => matchesGlob(file, pattern))) return undefined
  return SHARED_BY.exec(file)?.[0] ?? SHARED_FEW.find((pattern) => matchesGlob(file, pattern))
}

async function runOwn(files: readonly string[], settings: Settings): Promise<boolean> {
  // Given no file, Node would look for some.
  if (files.length === 0) return true
  const env = { ...process.env, ...settings }
  const flags = [...FLAGS, `--test-concurrency=${OWN_PROCESSES}`]
  return succeeds(spawn(process.execPath, [...flags, ...files], { env, stdio: 'inherit' }))
}

/** All files in one process; what it prints comes at once when it ends, so that nothing else stands between. */
async function runShared(files: readonly string[], settings: Settings): Promise<boolean> {
  const env = { ...process.env, ...settings }
  // That a store has to be tested at all is judged where its own tests are.
  if (settings.ENTREPOT_TEST_STORES === undefined) delete env.ENTREPOT_TEST_REQUIRED
  const child = spawn(process.execPath, [...FLAGS, '--test-isolation=none', ...files], {
    env,
    stdio: ['inherit', 'pipe', 'pipe'],
  })
  const [passed, stdout, stderr] = await Promise.all([
    succeeds(child),
    text(child.stdout),
    text(child.stderr),
  ])
  process.stdout.write(stdout)
  process.stderr.write(stderr)
  return passed
}

async function succeeds(child: ChildProcess): Promise<boolean> {
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
    (await run(isLong ? [...EVERY_FILE, ...SUITES, ...CONSOLE_SUITES] : EVERY_FILE, length)) &&
    (await run(isLong ? [...ON_SHARED_STORES, ...SUITES] : CROSS_SECTION, { ...length, ...SHARED_STORES }))
  )
}

const isLong = process.argv.includes('--all')
await globalSetup(isLong)
const passed = await runAll(isLong).finally(globalTeardown)
process.exitCode = passed ? 0 : 1
