/** The package as users have it: packed, installed by npm into an empty folder, run by Nodes that npm brings. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { before, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { commit, version } from '../src/app/version.ts'
import { newDataDir, type Outcome, Running, type Settings } from './cli.harness.ts'
import { newFolder } from './new-folder.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** As `du -m` counts, in whole blocks of the disk: most files are smaller than one. */
const MAX_INSTALLED_BYTES = 100 * 1024 * 1024

/** Run where the SDK is installed. */
const UPLOAD = `
  import OpenAI, { toFile } from 'openai'
  const client = new OpenAI({ baseURL: process.env.URL + '/v1', apiKey: process.env.KEY })
  const file = await toFile(Buffer.from('Hello from the package.'), 'hello.txt')
  const { id } = await client.files.create({ file, purpose: 'user_data' })
  process.stdout.write(await (await client.files.content(id)).text())`

/** The folder that the package was installed into. */
const app = newFolder('entrepot-package-')
const cache = newFolder('entrepot-package-cache-')
const installed = join(app, 'node_modules/entrepot')

/** The folder of the newest Node of each major version, as npm brings it. */
const nodes = new Map<number, string>()

before(async () => {
  await Promise.all([installPackage(), ...[20, 24, 26].map(installNode)])
})

async function installPackage(): Promise<void> {
  const packed = newFolder('entrepot-packed-')
  await npm(ROOT, 'pack', '--pack-destination', packed)
  const [tarball = ''] = readdirSync(packed)
  await npm(app, 'install', '--prefer-offline', join(packed, tarball))
}

async function installNode(major: number): Promise<void> {
  if (process.versions.node.startsWith(`${major}.`)) return void nodes.set(major, dirname(process.execPath))
  const folder = newFolder(`entrepot-node-${major}-`)
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, allowScripts: { node: true } }))
  await npm(folder, 'install', '--prefer-offline', `node@${major}`)
  nodes.set(major, join(folder, 'node_modules/node/bin'))
}

/** npm as this run has it; it is told nothing of the script that may run this suite. */
async function npm(cwd: string, ...args: readonly string[]): Promise<void> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')))
  await done(new Running(spawn('npm', args, { cwd, env, stdio: 'pipe' })))
}

async function done(running: Running): Promise<string> {
  const status = await running.ended
  assert.equal(status, 0, running.stderr)
  return running.stdout
}

function start(major: number, command: string, args: readonly string[], settings: Settings = {}): Running {
  const { HOME, PATH } = process.env
  const env = { HOME, PATH: `${nodes.get(major)}:${PATH}`, XDG_CACHE_HOME: cache, ...settings }
  return new Running(
    spawn(command, args, { cwd: settings.URL === undefined ? app : ROOT, env, stdio: 'pipe' }),
  )
}

for (const major of [24, 26])
  test(`on Node ${major} npx serves, makes a key and takes a file of an SDK`, async (t: TestContext) => {
    const settings = {
      ENTREPOT_DATA_DIR: await newDataDir(t),
      ENTREPOT_PORT: '0',
      ENTREPOT_GRPC_PORT: '0',
      ENTREPOT_METRICS_PORT: '0',
    }
    const named = commit() === undefined ? version() : `${version()} (commit ${commit()})`
    assert.equal(await done(start(major, 'npx', ['entrepot', '--version'])), `${named}\n`)

    const server = start(major, 'npx', ['entrepot', 'serve'], settings)
    const url = await server.printed((stdout) => /"http":"([^"]+)"/.exec(stdout)?.[1])
    await assertConsole(url)
    const key = await done(start(major, 'npx', ['entrepot', 'key', 'create', '--name', 'sdk'], settings))
    const upload = start(major, 'node', ['--input-type=module', '--eval', UPLOAD], {
      URL: url,
      KEY: key.trim(),
    })
    assert.equal(await done(upload), 'Hello from the package.')

    server.child.kill('SIGTERM')
    await server.ended
    assert.match(server.stdout, /"msg":"stopped"/)
    assert.match(server.stdout, /^npx entrepot key create/m)
    assert.equal(server.stderr, '')
    assert.ok(readdirSync(join(cache, 'entrepot/compiled')).some((name) => name.startsWith(`v${major}.`)))
  })

/** The page, and what it loads. */
async function assertConsole(url: string): Promise<void> {
  const page = await fetch(`${url}/console/`)
  const [, script = ''] = /<script [^>]*src="([^"]+)"/.exec(await page.text()) ?? []
  assert.equal(page.status, 200)
  const code = await fetch(new URL(script, page.url))
  assert.deepEqual([code.status, code.headers.get('content-type')], [200, 'text/javascript; charset=utf-8'])
}

test('on an older Node it says in one sentence which one it needs', async () => {
  const { status, stdout, stderr } = await outcomeOf(start(20, 'node', [join(installed, 'bin/entrepot.js')]))
  assert.deepEqual({ status, stdout }, { status: 1, stdout: '' })
  assert.match(
    stderr,
    /^error: Entrepot needs Node\.js 24 or newer, and this is 20\.\d+\.\d+; get a newer one [^\n]+\n$/,
  )
  assert.equal(manifest().engines.node, '>=24')
})

async function outcomeOf(running: Running): Promise<Outcome> {
  const status = await running.ended
  return { status, stdout: running.stdout, stderr: running.stderr }
}

function manifest() {
  return JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
}

test('the package has what runs, and neither sources nor tests nor scripts for the installation', () => {
  const changelog = existsSync(join(ROOT, 'CHANGELOG.md')) ? ['CHANGELOG.md'] : []
  const expected = ['LICENSE', 'README.md', ...changelog, 'bin', 'console', 'dist', 'package.json']
  assert.deepEqual(readdirSync(installed).toSorted(), expected.toSorted())
  const files = filesBelow(installed)
  assert.deepEqual(
    files.filter((path) => /\.(ts|map)$|\.(test|harness|samples|reference|conformance)\./.test(path)),
    [],
  )
  const { scripts } = manifest()
  assert.deepEqual(
    Object.keys(scripts).filter((name) => /^(pre|post)?install$/.test(name)),
    [],
  )
})

test('an installation stays below 100 MB on a disk', () => {
  const bytes = filesBelow(app).reduce((sum, path) => sum + lstatSync(path).blocks * 512, 0)
  assert.ok(bytes < MAX_INSTALLED_BYTES, `it takes ${Math.round(bytes / 1024 / 1024)} MB`)
})

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path))
}
