import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { newFolder } from './new-folder.ts'
import { onlyLong } from './rounds.ts'
import { until } from './until.ts'

const ROOT = join(import.meta.dirname, '..')
const run = promisify(execFile)

test('the fixture for pytest works with the Python SDK of OpenAI', { skip: onlyLong }, async (t) => {
  const cwd = newFolder('entrepot-pytest-example-')
  await cp(join(ROOT, 'examples/pytest'), cwd, { recursive: true })
  const python = join(cwd, 'venv/bin/python')
  try {
    await run('python3', ['-m', 'venv', 'venv'], { cwd })
    await run(python, ['-m', 'pip', 'install', '--quiet', 'pytest', 'openai'], { cwd, timeout: 180_000 })
  } catch (error) {
    return t.skip(`Python with pytest and openai cannot be had here: ${String(error).split('\n')[0]}`)
  }
  const env = {
    ...process.env,
    ENTREPOT_COMMAND: `"${process.execPath}" "${join(ROOT, 'bin/entrepot.js')}" serve`,
  }
  const { stdout } = await run(python, ['-m', 'pytest', '-q', '-p', 'no:cacheprovider'], { cwd, env })
  assert.match(stdout, /^5 passed/m)

  const program =
    'import entrepot, time; store = entrepot.Entrepot(); store.reset(); print(store.url, flush=True); time.sleep(60)'
  // What is on this machine is not asked through it.
  const proxied = { ...env, http_proxy: 'http://127.0.0.1:1', TMPDIR: newFolder('entrepot-pytest-folders-') }
  const killed = spawn(python, ['-c', program], { cwd, env: proxied })
  const [url] = await once(killed.stdout, 'data')
  killed.kill('SIGKILL')
  const isGone = async () => (await fetch(String(url).trim()).catch(() => undefined)) === undefined
  assert.ok(await until(10_000, isGone))
  assert.ok(await until(10_000, async () => (await readdir(proxied.TMPDIR)).length === 0))
})
