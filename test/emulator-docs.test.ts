import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { startEmulator } from '../src/emulator/emulator.harness.ts'

test('the commands of docs/emulator.md work as they stand', async (t) => {
  const text = await readFile(new URL('../docs/emulator.md', import.meta.url), 'utf8')
  const lines = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.split('\n'))
  const commands = lines.filter((line) => line.startsWith('curl '))
  assert.ok(commands.length > 15)
  const server = await startEmulator()
  t.after(() => server.stop())
  // An answer ends without a line break.
  const script = commands.map((command) => `${command}; echo`).join('\n')
  const env = { ...process.env, URL: server.url }
  const { stdout } = await promisify(execFile)('bash', ['-e', '-o', 'pipefail', '-c', script], { env })
  assert.match(stdout, /\{"now":"2090-01-31T12:00:00\.000Z","frozen":true\}/)
  assert.equal((stdout.match(/"route":/g) ?? []).length, 12)
  assert.match(stdout, /\{"entries":\[[^\n]*\],"last":\d+\}/)
})
