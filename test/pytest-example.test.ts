import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { newFolder } from './new-folder.ts'
import { onlyLong } from './rounds.ts'

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
})
