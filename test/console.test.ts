/** What the server sends of the console, and what is in it; `test/console/` looks at it in a browser. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import fastify from 'fastify'
import { addConsole } from '../src/console/routes.ts'
import { TestServer } from './harness.ts'
import { newFolder } from './new-folder.ts'

const CONSOLE = fileURLToPath(new URL('../console/', import.meta.url))
/** Of all JavaScript but what shows PDFs, compressed. */
const MAX_SCRIPT_BYTES = 120_000
const MAX_LINES = 300
const MAX_ENTRIES = 24

let server: TestServer
before(async () => {
  const build = fileURLToPath(new URL('../scripts/build-console.mjs', import.meta.url))
  execFileSync(process.execPath, [build, '--if-stale'], { stdio: 'inherit' })
  server = await TestServer.start()
})
after(() => server.stop())

function ask(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(`${server.url}/console${path}`, { redirect: 'manual', headers })
}

test('any address below /console/ is the page, which is not kept and may do nothing but call this server', async () => {
  for (const path of ['/', '/keys', '/files/x?project=default', '/no/such/page']) {
    const { status, headers } = await ask(path)
    assert.equal(status, 200, path)
    assert.equal(headers.get('content-type'), 'text/html; charset=utf-8')
    assert.deepEqual(
      ['cache-control', 'x-content-type-options', 'referrer-policy', 'cross-origin-opener-policy'].map(
        (name) => headers.get(name),
      ),
      ['no-store', 'nosniff', 'no-referrer', 'same-origin'],
    )
    const policy = headers.get('content-security-policy') ?? ''
    assert.ok(policy.startsWith("default-src 'none'; script-src 'self'; style-src 'self';"), policy)
    assert.ok(policy.includes("require-trusted-types-for 'script'; trusted-types console-worker"), policy)
    assert.doesNotMatch(policy, /unsafe|data:|\*/)
  }
})

test('the page has no script or style in itself', async () => {
  const html = await (await ask('/')).text()
  assert.doesNotMatch(html, /<style|\bstyle=|<script[^>]*>[^<]|\bon\w+=/)
})

test('without the slash at its end the address leads to the one with it', async () => {
  for (const path of ['console', 'c%6Fnsole']) {
    const { status, headers } = await fetch(`${server.url}/${path}?project=x`, { redirect: 'manual' })
    assert.deepEqual([status, headers.get('location')], [302, './console/?project=x'])
  }
})

test('however its address is spelt, the page finds what it loads', async () => {
  const page = await fetch(`${server.url}/c%6Fnsole/files/x`)
  const base = new URL(/<base href="([^"]+)"/.exec(await page.text())?.[1] ?? '', page.url)
  assert.equal(base.pathname, '/c%6Fnsole/')
})

test('what the page loads is kept for good, by a name that has a hash, and sent compressed', async () => {
  const entries = readdirSync(join(CONSOLE, 'dist/assets'), { withFileTypes: true })
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name)
  assert.ok(names.length > 3)
  // In a folder, of which one stands for all.
  const folder = entries.find((entry) => entry.isDirectory())?.name ?? assert.fail('no folder')
  names.push(`${folder}/UniGB-UCS2-H.bcmap`)
  for (const name of names) {
    const plain = readFileSync(join(CONSOLE, 'dist/assets', name))
    for (const encoding of ['br', 'gzip', 'identity']) {
      const { status, headers, ...answer } = await get(name, encoding)
      assert.equal(status, 200, name)
      assert.equal(headers.get('cache-control'), 'public, max-age=31536000, immutable')
      assert.equal(headers.get('x-content-type-options'), 'nosniff')
      // A worker may call nobody else.
      assert.match(headers.get('content-security-policy') ?? '', /^default-src 'none'; .*connect-src 'self'$/)
      assert.equal(headers.get('content-encoding'), encoding === 'identity' ? null : encoding)
      assert.ok(answer.bytes.equals(plain), `${name}, ${encoding}`)
    }
  }
})

async function get(name: string, encoding: string) {
  const answer = await ask(`/assets/${name}`, { 'accept-encoding': encoding })
  const { status, headers } = answer
  return { status, headers, bytes: Buffer.from(await answer.arrayBuffer()) }
}

test('nothing is served but what was built', async () => {
  const others = [
    '/assets/',
    '/assets/index.html',
    '/assets/..%2findex.html',
    '/assets/%2e%2e%2f%2e%2e%2fvite.config.ts',
    '/assets/..%5c..%5cpackage.json',
    '/assets/x/y.js',
    '/assets/%00.js',
    '/assets/constructor',
  ]
  for (const path of others) assert.equal((await ask(path)).status, 404, path)
  for (const method of ['POST', 'PUT', 'DELETE'])
    assert.equal((await fetch(`${server.url}/console/`, { method })).status, 405, method)
})

test('ENTREPOT_CONSOLE=off leaves no console, and no link to one', async (t) => {
  const other = await TestServer.start({ ENTREPOT_CONSOLE: 'off' })
  t.after(() => other.stop())
  for (const path of ['', '/', '/keys', '/assets/x.js'])
    assert.equal((await fetch(`${other.url}/console${path}`)).status, 404, path)
  const root = await fetch(`${other.url}/`, { headers: { accept: 'text/html' } })
  assert.doesNotMatch(await root.text(), /console\//)
})

test('a console that was not built says how to build it', async () => {
  const app = fastify()
  addConsole(app, pathToFileURL(`${newFolder('entrepot-console-')}/`))
  const { statusCode, body } = await app.inject('/console/')
  assert.equal(statusCode, 503)
  assert.match(body, /^The console is not built here: run "npm ci" and "npm run build:console"[^\n]+\n$/)
})

test('the scripts of the console are small', (t) => {
  const names = readdirSync(join(CONSOLE, 'dist/assets')).filter((name) => /\.m?js$/.test(name))
  const bytes = names
    .filter((name) => !name.startsWith('pdf'))
    .reduce((sum, name) => sum + gzipSync(readFileSync(join(CONSOLE, 'dist/assets', name))).length, 0)
  t.diagnostic(`${bytes} bytes of JavaScript, compressed by gzip`)
  assert.ok(bytes <= MAX_SCRIPT_BYTES, `${bytes} bytes`)
})

const sources = readdirSync(join(CONSOLE, 'src'), { recursive: true, encoding: 'utf8' }).map((path) =>
  path.replaceAll('\\', '/'),
)

test('each class that a component names is in its style sheet', () => {
  const problems = sources
    .filter((path) => path.endsWith('.tsx'))
    .flatMap((path) => {
      const code = readFileSync(join(CONSOLE, 'src', path), 'utf8')
      return [...code.matchAll(/import (\w+) from '(\.\/[\w-]+\.module\.css)'/g)].flatMap(
        ([, name = '', sheet = '']) => {
          const css = readFileSync(join(CONSOLE, 'src', path, '..', sheet), 'utf8')
          const defined = new Set([...css.matchAll(/\.([a-zA-Z][\w-]*)/g)].map(([, each = '']) => each))
          const used = [...code.matchAll(new RegExp(`\\b${name}\\.(\\w+)`, 'g'))].map(([, each = '']) => each)
          return used.filter((each) => !defined.has(each)).map((each) => `${path}: no .${each} in ${sheet}`)
        },
      )
    })
  assert.deepEqual(problems, [])
})

test('a file of the console can be read at a sitting, and a folder be seen at a glance', () => {
  const long = sources
    .filter((path) => /\.(tsx?|css)$/.test(path))
    .filter((path) => readFileSync(join(CONSOLE, 'src', path), 'utf8').split('\n').length - 1 > MAX_LINES)
  // A component and its style sheet are one entry.
  const entries = new Set(sources.map((path) => path.replace(/(\.module)?\.\w+$/, '')))
  const crowded = Map.groupBy(entries, (path) => path.split('/').slice(0, -1).join('/'))
    .entries()
    .filter(([, paths]) => paths.length > MAX_ENTRIES)
    .map(([folder, { length }]) => `${folder}: ${length} entries`)
  assert.deepEqual([...long, ...crowded], [])
})
