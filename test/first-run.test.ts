import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { allDialects } from '../src/dialects/all.ts'
import { newDataDir, pasteInto, Running, type Settings, startEntrepot } from './cli.harness.ts'
import { onlyLong } from './rounds.ts'

const STOP_MS = 15_000
/** A start is over a few milliseconds after it began to listen. */
const POLL_MS = 1
const hasCurl = spawnSync('curl', ['--version']).status === 0
const needsCurl = { skip: hasCurl ? false : 'curl is not installed' }

interface Listening {
  readonly http: string
  readonly grpc: string
}

/** The real server, by default on any free port; it does not outlive the test. */
function serve(context: TestContext, dataDir: string, settings: Settings = {}, port = '0'): Running {
  const args = ['serve', '--port', port, '--metrics-port', 'off', '--grpc-port', '0']
  const running = new Running(startEntrepot(args, { ENTREPOT_DATA_DIR: dataDir, ...settings }))
  context.after(async () => {
    running.child.kill('SIGKILL')
    await running.ended
  })
  return running
}

function logLine(stdout: string, message: string): Listening | undefined {
  return stdout
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
    .find(({ msg }) => msg === message)
}

function findListening(stdout: string): Listening | undefined {
  return logLine(stdout, 'listening')
}

/** The lines to paste, from the variables to the last command. */
function findWalkThrough(stdout: string): string | undefined {
  return /^export URL=[\s\S]+?(?=\n\n)/m.exec(stdout)?.[0]
}

function findKey(stdout: string): string | undefined {
  return /^ek_[0-9A-Za-z]{38}$/m.exec(stdout)?.[0]
}

async function terminate(running: Running): Promise<void> {
  const start = performance.now()
  running.child.kill('SIGTERM')
  assert.equal(await running.ended, 0)
  assert.ok(performance.now() - start < STOP_MS)
}

/** That one file went in and came back, and that each API shows it. */
function assertShown(stdout: string): void {
  const lines = stdout.trimEnd().split('\n')
  const shown = lines.filter((line) => line.startsWith('{'))
  assert.equal(lines.filter((line) => line === 'Hello from the harbour.').length, 1, stdout)
  assert.equal(shown.length, allDialects.length - 1, stdout)
  for (const line of shown) assert.ok(line.includes('hello.txt'), line)
}

test(
  'the first start prints a key and lines that put a file in and get it back',
  needsCurl,
  async (context) => {
    const running = serve(context, await newDataDir(context))
    const { http, grpc } = await running.printed(findListening)
    assert.match(http, /^http:\/\/127\.0\.0\.1:\d+$/)
    assert.match(grpc, /^127\.0\.0\.1:\d+$/)
    const lines = await running.printed(findWalkThrough)
    assert.ok(lines.includes(`URL='${http}'`))
    assert.ok(
      running.stdout.includes(`\nSign in at ${http}/console/ with this key. It is not shown again:\n\nek_`),
    )
    assert.match(running.stdout, /\n\nIt is an operator’s: it may do everything/)
    assert.match(running.stdout, /\n\nnode \S+ key create --name laptop\n\n/)
    for (const shell of ['bash', 'sh']) {
      const { stdout, stderr } = await pasteInto(shell, lines)
      assertShown(stdout)
      assert.equal(stderr, '')
      for (const { title } of allDialects) assert.ok(stdout.includes(`${title}\n`), title)
    }
    assert.ok(running.stdout.indexOf('"listening"') < running.stdout.indexOf('ek_'))
    await terminate(running)
    assert.equal(running.stderr, '')
  },
)

/** The commands of a section of a page, as they are pasted: one block after the other. */
async function commandsOf(page: string, from: string, to: string): Promise<string> {
  const text = await readFile(new URL(`../${page}`, import.meta.url), 'utf8')
  const section = text.slice(text.indexOf(`\n## ${from}\n`), text.indexOf(`\n## ${to}\n`))
  return [...section.matchAll(/^```sh\n([\s\S]+?)^```/gm)].map(([, lines]) => lines).join('')
}

test('the commands of README.md, pasted in order, do what it says', needsCurl, async (context) => {
  const running = serve(context, await newDataDir(context))
  const { http } = await running.printed(findListening)
  const key = await running.printed(findKey)
  const printed = await commandsOf('README.md', 'A file in and out', 'With your SDK')
  const lines = printed.replace('http://127.0.0.1:8420', http).replace('ek_…', key)
  const { stdout, stderr } = await pasteInto('bash', lines)
  assert.equal(stderr, '')
  assertShown(stdout)
})

test(
  'the commands of the pages of dialects, pasted in order, do what they say',
  needsCurl,
  async (context) => {
    const running = serve(context, await newDataDir(context))
    const { http } = await running.printed(findListening)
    const key = await running.printed(findKey)
    const page = (dialect: string) =>
      commandsOf(`src/dialects/${dialect}/README.md`, 'With curl', 'With the SDKs')
    const lines = [await page('lightfield'), await page('llamacloud')].join('')
    const { stdout, stderr } = await pasteInto('bash', `URL=${http}\nKEY=${key}\n${lines}`)
    assert.equal(stderr, '')
    assert.match(stdout, /\nuploaded: {3}(Hello from the harbour\.)\ndownloaded: \1\n/)
    const { items } = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
    assert.deepEqual(
      items.map(({ name }: { name: string }) => name),
      ['again.txt', 'hello.txt'],
    )
  },
)

test('no command of README.md has a comment, which a shell of macOS takes for words', async () => {
  const lines = (await commandsOf('README.md', 'Start', 'What is served where')).replaceAll(
    /<<'EOF'[\s\S]+?\nEOF\n/g,
    '\n',
  )
  assert.doesNotMatch(lines, /(^|\s)#/m)
})

test('the first start without a console leads to none', async (context) => {
  const running = serve(context, await newDataDir(context), { ENTREPOT_CONSOLE: 'off' })
  await running.printed(findWalkThrough)
  await terminate(running)
  assert.match(running.stdout, /\nThis key is not shown again:\n\nek_/)
  assert.doesNotMatch(running.stdout, /\/console/)
})

test('a later start prints no key', async (context) => {
  const dataDir = await newDataDir(context)
  const first = serve(context, dataDir)
  const key = await first.printed(findKey)
  await terminate(first)
  assert.equal(first.stdout.split(`KEY='${key}'`).length, 2)
  const second = serve(context, dataDir)
  await second.printed(findListening)
  await terminate(second)
  assert.doesNotMatch(second.stdout, /ek_/)
  for (const line of second.stdout.trim().split('\n')) JSON.parse(line)
})

test('a first start that fails on a taken port leaves the key for the next start to print', {
  skip: onlyLong,
}, async (context) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  context.after(() => taken.close())
  const dataDir = await newDataDir(context)
  const failed = serve(context, dataDir, {}, String((taken.address() as AddressInfo).port))
  assert.equal(await failed.ended, 1)
  const next = serve(context, dataDir)
  await next.printed(findKey)
  await terminate(next)
})

test('a start with ENTREPOT_ROOT_KEY makes no other key and prints none', async (context) => {
  const rootKey = 'a-root-key-of-some-length'
  const running = serve(context, await newDataDir(context), { ENTREPOT_ROOT_KEY: rootKey })
  const { http } = await running.printed(findListening)
  const headers = { authorization: `Bearer ${rootKey}`, 'lightfield-version': '2026-03-01' }
  const response = await fetch(`${http}/v1/auth/validate`, { headers })
  assert.equal(response.status, 200)
  await response.body?.cancel()
  await terminate(running)
  assert.ok(!findKey(running.stdout))
  assert.ok(!running.stdout.includes(rootKey))
})

test('a SIGTERM as soon as the first start listens ends it with 0, and the key has been shown', async (context) => {
  const port = await freePort()
  const dataDir = await newDataDir(context)
  const first = serve(context, dataDir, {}, String(port))
  await untilListening(port, first)
  await terminate(first)
  assert.ok(findListening(first.stdout), first.stdout)
  assert.ok(findKey(first.stdout), first.stdout)
  const second = serve(context, dataDir)
  await second.printed(findListening)
  await terminate(second)
  assert.ok(!findKey(second.stdout))
})

test('serves on when nobody reads its output', { skip: onlyLong }, async (context) => {
  const port = await freePort()
  const running = serve(context, await newDataDir(context), {}, String(port))
  running.child.stdout?.destroy()
  await untilListening(port, running)
  assert.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200)
  await terminate(running)
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function untilListening(port: number, { child }: Running): Promise<void> {
  while (child.exitCode === null && child.signalCode === null) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch {
      await setTimeout(POLL_MS)
    } finally {
      socket.destroy()
    }
  }
  assert.fail('the server ended')
}
