/** Servers whose npm ends before they do. Each is the real command, started as people start it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { newDataDir, Running } from './cli.harness.ts'
import { compileCache } from './compile-cache.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const ENTRY = 'src/cli/entrepot.ts'
/** Longer than a server takes to notice that its parent is gone. */
const NOTICED_MS = 2500
const SCRIPT = { npm_lifecycle_event: 'dev', npm_command: 'run-script', npm_execpath: '/npm-cli.js' }

async function start(t: TestContext, command: string, args: readonly string[], variables = {}) {
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    ...compileCache(),
    ENTREPOT_DATA_DIR: await newDataDir(t),
    ENTREPOT_PORT: '0',
    ENTREPOT_GRPC_PORT: 'off',
    ENTREPOT_METRICS_PORT: 'off',
    ...variables,
  }
  const running = new Running(spawn(command, args, { cwd: ROOT, env, stdio: 'pipe' }))
  const url = await running.printed((stdout) => /"http":"([^"]+)"/.exec(stdout)?.[1])
  return { running, url }
}

for (const args of [['start'], ['exec', '-c', `node ${ENTRY} serve; true`]])
  test(`a server that npm ${args[0]} has started stops gracefully when npm is killed`, async (t) => {
    const { running } = await start(t, 'npm', args)
    running.child.kill('SIGKILL')
    // Its output ends with the server, not with npm.
    await running.ended
    assert.match(running.stdout, /"msg":"npm, which started this server, is gone"/)
    assert.match(running.stdout, /"msg":"stopped"/)
  })

test('a server that a script of npm has put in the background serves on when all that started it is gone', async (t) => {
  const inBackground = `node ${ENTRY} serve & echo "pid=$!"`
  const { running, url } = await start(t, 'sh', ['-c', inBackground], SCRIPT)
  const pid = Number(await running.printed((stdout) => /pid=(\d+)/.exec(stdout)?.[1]))
  try {
    await sleep(NOTICED_MS)
    assert.equal((await fetch(`${url}/healthz`)).status, 200)
  } finally {
    process.kill(pid, 'SIGTERM')
    await running.ended
  }
  assert.doesNotMatch(running.stdout, /is gone/)
})
