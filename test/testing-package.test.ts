/** `@entrepot/testing`, as it is published: compiled, and used from CommonJS, ES modules and three runners of tests. */
import assert from 'node:assert/strict'
import { type ExecFileException, execFile, spawn } from 'node:child_process'
import { copyFile, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import manifest from '../package.json' with { type: 'json' }
import type * as Testing from '../packages/testing/testing.ts'
import { newFolder } from './new-folder.ts'
import { onlyLong } from './rounds.ts'
import { until } from './until.ts'

const ROOT = join(import.meta.dirname, '..')
const SOURCE = join(ROOT, 'packages/testing')
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')
const BIN = join(ROOT, 'bin/entrepot.js')
const PATIENCE_MS = 120_000

test('a test has a server with time to move, faults, a journal, keys, a reset, and an end', async () => {
  const { startEntrepot } = await compiled()
  const store = await startEntrepot({ bin: BIN })
  const list = async (key = store.key) =>
    (await fetch(`${store.baseUrls.openai}/files`, { headers: { authorization: `Bearer ${key}` } })).status
  const key = await store.createKey({ name: 'reader', scopes: ['files:read'] })
  assert.deepEqual([await list(), await list(key), await list('wrong')], [200, 200, 401])
  const fault = await store.injectFault({ route: 'GET /v1/files', status: 503 })
  assert.equal(await list(), 503)
  const frozen = await store.freezeTime()
  assert.equal((await store.advanceTime('1h')).getTime() - frozen.getTime(), 3_600_000)
  assert.deepEqual(await store.setTime(new Date('2100-01-01')), await store.now())
  await store.unfreezeTime()
  const journal = await store.journal()
  assert.deepEqual([journal.length, journal.at(-1)?.status, journal.at(-1)?.fault], [4, 503, fault])
  assert.equal((await store.journal(journal.at(-1)?.seq)).length, 0)
  await assert.rejects(store.advanceTime(-1), /^Error: advance must be seconds/)
  await store.reset()
  assert.deepEqual([await list(), await list(key)], [200, 401])
  assert.ok((await store.now()).getFullYear() < 2100)
  await store.stop()
  await store[Symbol.asyncDispose]()
  await assert.rejects(fetch(store.url))
})

test('a start that fails says why', async () => {
  const { startEntrepot } = await compiled()
  const refusal = (options: Testing.StartOptions) =>
    startEntrepot({ bin: BIN, timeoutMs: 5000, ...options }).then(
      (store) => store.stop(),
      ({ message }: Error) => message,
    )
  assert.match(`${await refusal({ env: { ENTREPOT_TLS: 'maybe' } })}`, /before it listened/)
  assert.equal(
    await refusal({ env: { ENTREPOT_LOG_LEVEL: 'warn' } }),
    'ENTREPOT_LOG_LEVEL must be one of trace, debug, info here, where the log tells of the start, not warn.',
  )
  assert.equal(
    await refusal({ env: { ENTREPOT_LOG_FORMAT: 'text' } }),
    'ENTREPOT_LOG_FORMAT must be json here, where the log tells of the start, not text.',
  )
  assert.equal(await refusal({ bin: ROOT }), `There is no file ${ROOT}; bin is the path of entrepot.js.`)
})

test('its version is that of the server', async () => {
  const { version } = JSON.parse(await readFile(join(SOURCE, 'package.json'), 'utf8'))
  assert.equal(version, manifest.version)
})

test('the server ends with a parent that is killed, and keeps none from ending', {
  skip: onlyLong,
}, async () => {
  const folder = await installed()
  const program = (last: string) =>
    `const { startEntrepot } = require('@entrepot/testing')
    startEntrepot().then(({ url }) => { console.log(url); ${last} })`
  const start = (last: string) =>
    spawn(process.execPath, ['-e', program(last)], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  for (const last of ['', 'setInterval(() => {}, 1000)']) {
    const child = start(last)
    const [text] = (await child.stdout.iterator({ destroyOnReturn: false }).next()).value
      .toString()
      .split('\n')
    if (last !== '') child.kill('SIGKILL')
    const isGone = () =>
      fetch(text).then(
        () => false,
        () => true,
      )
    assert.ok(await until(20_000, isGone), 'the server goes on')
    assert.ok(await until(5_000, () => child.exitCode !== null || child.signalCode !== null))
  }
})

test('the examples of its README run with node:test, Vitest and Jest', { skip: onlyLong }, async (t) => {
  const folder = await installed('vitest@latest', 'jest@latest').catch(
    ({ stderr }: ExecFileException) =>
      String(stderr)
        .split('\n')
        .find((line) => line.includes('error code')) ?? '',
  )
  if (/E(NOTFOUND|AI_AGAIN|CONNREFUSED|TIMEDOUT|404)$/.test(folder))
    return t.skip(`the registry of npm is not reachable: ${folder}`)
  await symlink(join(ROOT, 'node_modules/openai'), join(folder, 'node_modules/openai'))
  const readme = await readFile(join(SOURCE, 'README.md'), 'utf8')
  for (const [, name = '', code = ''] of readme.matchAll(/```js\n\/\/ (\S+)\n([\s\S]*?)```/g))
    await writeFile(join(folder, name), code)
  assert.match(await run(process.execPath, ['--test', 'files.test.mjs'], folder), /pass 2\n/)
  assert.match(await run('npx', ['vitest', 'run', 'files.spec.mjs'], folder), /1 passed/)
  assert.match(await run('npx', ['jest', 'files.spec.cjs'], folder), /1 passed/)
})

test('its types are those of what it does, also where a compiler is strict', {
  skip: onlyLong,
}, async () => {
  const folder = await installed()
  await symlink(join(ROOT, 'node_modules/@types'), join(folder, 'node_modules/@types'))
  const program = `import { type Entrepot, startEntrepot } from '@entrepot/testing'
    await using store: Entrepot = await startEntrepot({ grpc: true })
    const id: string = await store.injectFault({ route: '* *', loseAnswer: true })
    const status: number | string | null | undefined = (await store.journal())[0]?.status
    console.log(id, status, store.baseUrls.gemini)`
  await writeFile(join(folder, 'use.mts'), program)
  const flags = ['--noEmit', '--strict', '--target', 'es2024', '--lib', 'es2024,esnext.disposable']
  const tsc = [
    join(ROOT, 'node_modules/typescript/bin/tsc'),
    ...flags,
    '--module',
    'nodenext',
    '--types',
    'node',
  ]
  await run(process.execPath, [...tsc, 'use.mts'], folder)
})

let built: Promise<string> | undefined

/** As it is published: the folder of the package. */
function build(): Promise<string> {
  built ??= (async () => {
    const folder = newFolder('entrepot-testing-package-')
    await copyFile(join(SOURCE, 'package.json'), join(folder, 'package.json'))
    await run(process.execPath, [
      TSC,
      '--project',
      join(SOURCE, 'tsconfig.json'),
      '--outDir',
      join(folder, 'dist'),
    ])
    await writeFile(join(folder, 'dist/package.json'), '{"type":"commonjs"}')
    return folder
  })()
  return built
}

async function compiled(): Promise<typeof Testing> {
  return createRequire(import.meta.url)(await build())
}

/** A folder of somebody who has installed both packages, and these before. */
async function installed(...packages: readonly string[]): Promise<string> {
  const folder = newFolder('entrepot-testing-user-')
  await writeFile(join(folder, 'package.json'), '{"private":true}')
  if (packages.length > 0) await run('npm', ['install', '--no-audit', '--no-fund', ...packages], folder)
  await mkdir(join(folder, 'node_modules/@entrepot'), { recursive: true })
  await cp(await build(), join(folder, 'node_modules/@entrepot/testing'), { recursive: true })
  await symlink(ROOT, join(folder, 'node_modules/entrepot'))
  return folder
}

/** @returns what it prints. @throws ExecFileException, with that, unless it succeeds */
async function run(command: string, args: readonly string[], cwd = ROOT): Promise<string> {
  const { NODE_TEST_CONTEXT, NODE_OPTIONS, ...env } = process.env
  const settings = { ...env, FORCE_COLOR: '0', NO_COLOR: '1' }
  const options = { cwd, env: settings, timeout: PATIENCE_MS, maxBuffer: 2 ** 24 }
  const { stdout, stderr } = await promisify(execFile)(command, [...args], options)
  return stdout + stderr
}
