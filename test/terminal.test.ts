/** What a person sees who starts a server at a terminal. `script` (util-linux) lends one to a process. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { version } from '../src/app/version.ts'
import { ENTRY, newDataDir, Running } from './cli.harness.ts'
import { compileCache } from './compile-cache.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient } from './lightfield-client.ts'

const hasScript = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0
const needsScript = { skip: hasScript ? false : 'only on Linux with script (util-linux)' }

/** Whatever the tests were started with says nothing of colours here. */
function atTerminal(t: TestContext, command: string, settings: Readonly<Record<string, string>>): Running {
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, TERM: 'xterm-256color', ...compileCache(), ...settings }
  const child = spawn('script', ['-qec', command, '/dev/null'], { env, stdio: 'pipe' })
  const running = new Running(child)
  t.after(async () => {
    child.kill('SIGKILL')
    await running.ended
  })
  return running
}

test(
  'a first start at a terminal tells where it listens, then its key; each request has a line',
  needsScript,
  async (t) => {
    const dataDir = await newDataDir(t)
    const running = atTerminal(
      t,
      `exec ${process.execPath} ${ENTRY} serve --port 0 --grpc-port off --metrics-port off`,
      {
        ENTREPOT_DATA_DIR: dataDir,
      },
    )
    const seen = () => stripVTControlCharacters(running.stdout).replaceAll('\r', '')
    const printed = (pattern: RegExp) => running.printed(() => pattern.exec(seen())?.[1])
    const url = await printed(/\n\nSDKs take this key and the base URL (http:\/\/[\d.:]+)\n/)
    await fetch(`${url}/v1/files/%1b%5b2J?secret`, { headers: { 'user-agent': '\u009b2J' } })
    await printed(/(DEBUG answered GET \/v1\/files\/:file_id 401) /)
    // As Ctrl-C sends it.
    running.child.stdin?.write('\u0003')
    await printed(/INFO {2}(stopped)\n/)
    assert.equal(await running.ended, 0)
    assert.ok(
      seen().startsWith(
        `\nEntrepot ${version()} serves. Ctrl-C stops it.\n\n  HTTP     ${url}\n  Console  ${url}/console/\n  gRPC     off\n  Metrics  off\n  Data     ${dataDir}\n\n`,
      ),
      seen(),
    )
    assert.match(running.stdout, /\u001b\[\d+m/)
    assert.doesNotMatch(seen(), /[\u0080-\u009f\u001b]|"msg"|secret/)
  },
)

test('Ctrl-C ends a command that shows a bar, and leaves an empty line', needsScript, async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  await new LightfieldClient(server).stored('x'.repeat(8 * 1024 * 1024))
  const running = atTerminal(
    t,
    `exec ${process.execPath} ${ENTRY} doctor --verify --max-bytes-per-second 100KB`,
    {
      ENTREPOT_DATA_DIR: server.dataDir,
    },
  )
  await running.printed((shown) => /\d %.*left/.exec(shown)?.[0])
  running.child.stdin?.write('\u0003')
  assert.equal(await running.ended, 130)
  const erased = running.stdout.lastIndexOf('\u001b[2K')
  assert.ok(erased >= 0, running.stdout)
  assert.equal(stripVTControlCharacters(running.stdout.slice(erased)).trim(), '')
})

test('nothing comes between the bytes of a file on a terminal', needsScript, async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const { id } = await new LightfieldClient(server).stored('Hello from the harbour.')
  const running = atTerminal(t, `exec ${process.execPath} ${ENTRY} file get ${id} -o -`, {
    ENTREPOT_URL: server.url,
    ENTREPOT_KEY: server.key,
  })
  assert.equal(await running.ended, 0)
  assert.equal(running.stdout, 'Hello from the harbour.')
})

test('a list that is too wide for a terminal has a line for each field', needsScript, async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const running = atTerminal(t, `exec ${process.execPath} ${ENTRY} key list`, {
    ENTREPOT_DATA_DIR: server.dataDir,
  })
  assert.equal(await running.ended, 0)
  const lines = running.stdout.replaceAll('\r', '').split('\n')
  assert.ok(
    lines.every((line) => line.length <= 80),
    running.stdout,
  )
  assert.match(running.stdout, /^ID +[\da-f-]{36}$/m)
  assert.match(running.stdout, /^CREATED +20\d\d-/m)
  assert.doesNotMatch(running.stdout, /REVOKED/)
})
