/** `deploy/` cannot be run here. What it says of the program is compared with the program. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadConfig } from '../src/app/settings.ts'
import { allSettings } from '../src/cli/settings.ts'
import { freePort, runNginx, whyNoNginx } from './faults/balancers.ts'
import { TestServer } from './harness.ts'
import { until } from './until.ts'
import { YandexClient } from './yandex-client.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const filesIn = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(root, join(parentPath, name)))

/** Variables that only tests, builds and clients read. */
const OF_OTHERS = /^((TEST|FAULT)_|(COMMIT|URL|KEY|PROFILE)$)/
const known = new Set(allSettings.map(({ variable }) => variable))

/** Whether a start, a command or a test reads `ENTREPOT_<name>`; a name that ends with `_` stands for several. */
function isRead(name: string): boolean {
  if (OF_OTHERS.test(name)) return true
  const own = name.replace(/^TO_/, '')
  if (own.endsWith('_')) return [...known].some((variable) => variable.startsWith(own))
  return known.has(own) || (name !== own && (own === '' || own.startsWith('AWS_')))
}

function sole(path: string, pattern: RegExp): string {
  const [, found] = pattern.exec(read(path)) ?? []
  assert.ok(found, `${path} has no ${pattern}`)
  return found
}

test('deploy, docs and the README name no setting that nobody reads', () => {
  const unknown = ['README.md', ...filesIn('docs'), ...filesIn('deploy')].flatMap((path) =>
    [...read(path).matchAll(/ENTREPOT_([A-Z\d_]*)/g)]
      .map(([, name = '']) => name)
      .filter((name) => name !== '' && !isRead(name))
      .map((name) => `${path}: ENTREPOT_${name}`),
  )
  assert.deepEqual(unknown, [])
})

test('every variable of the compose file has a line in example.env, and the other way round', () => {
  const wanted = [...read('deploy/compose.yaml').matchAll(/(?<!\$)\$\{(\w+)/g)].map(([, name]) => name)
  const given = [...read('deploy/example.env').matchAll(/^(\w+)=/gm)].map(([, name]) => name)
  assert.deepEqual([...new Set(wanted)].sort(), given.sort())
})

test('the image and the unit start a file that is there, on the ports and in the folder of the settings', () => {
  for (const [path, command] of [
    ['deploy/Dockerfile', /^ENTRYPOINT \["node", "\/app\/(\S+)"\]$/m],
    ['deploy/entrepot.service', /^ExecStart=\S+ (\S+) serve$/m],
  ] as const)
    assert.ok(existsSync(join(root, sole(path, command))), path)
  const { port, grpc } = loadConfig({})
  const ports = `${port} ${grpc.port}`
  assert.equal(sole('deploy/Dockerfile', /^EXPOSE (.*)$/m), ports)
  const folder = sole('deploy/Dockerfile', /ENTREPOT_DATA_DIR=(\S+)/)
  assert.equal(sole('deploy/Dockerfile', /^VOLUME (\S+)$/m), folder)
  assert.equal(sole('deploy/compose.yaml', /^ {4}volumes: \[([^:"\]]+)\]/m), folder)
  const engine = /^FROM node:(\d+)/m
  const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: { node: string } }
  assert.equal(sole('deploy/Dockerfile', engine), devDependencies.node.split('.')[0])
})

test('a server is given longer to stop than it takes, by a signal that it minds', () => {
  const seconds = [
    sole('deploy/entrepot.service', /^TimeoutStopSec=(\d+)$/m),
    sole('deploy/compose.yaml', /build: .*[\s\S]*?stop_grace_period: (\d+)s/),
  ].map(Number)
  assert.ok(seconds.every((patience) => patience > 30))
  assert.equal(sole('deploy/Dockerfile', /^STOPSIGNAL (\S+)$/m), 'SIGTERM')
})

test('what the image asks to know whether it is healthy answers', async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const path = sole('deploy/Dockerfile', /fetch\('http:\/\/127\.0\.0\.1:8420(\/\w+)'\)/)
  assert.equal((await fetch(server.url + path)).status, 200)
})

test('the balancer of the compose file passes requests and calls', { skip: whyNoNginx() }, async (t) => {
  const server = await TestServer.start({ ENTREPOT_GRPC_PORT: '0' })
  t.after(() => server.stop())
  const [port, grpcPort] = await Promise.all([freePort(), freePort()])
  const [, text = ''] = /^ {4}content: \|\n((?: {6}.*\n?)+)/m.exec(read('deploy/compose.yaml')) ?? []
  const upstreams = text
    .replace('server:8420 resolve', new URL(server.url).host)
    .replace('server:8421 resolve', server.grpcAddress)
  // What Compose escapes; and the spelling of releases before 1.25.
  const older = upstreams.replaceAll('$$', '$').replace(/listen 8421;\s+http2 on;/, 'listen 8421 http2;')
  await runNginx(
    t,
    older.replace('listen 8420', `listen ${port}`).replace('listen 8421', `listen ${grpcPort}`),
  )
  const url = `http://127.0.0.1:${port}`
  assert.ok(
    await until(10_000, async () => (await fetch(`${url}/healthz`).catch(() => undefined))?.ok === true),
  )
  const client = new YandexClient(`127.0.0.1:${grpcPort}`, `Api-Key ${server.key}`)
  t.after(() => client.close())
  assert.match((await client.stored()).id, /\w/)
})
