import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { startEmulator } from '../src/emulator/emulator.harness.ts'
import type { TestServer } from './harness.ts'

test('the commands of docs/emulator.md work as they stand', async (t) => {
  const commands = commandsOf(await documentation('emulator.md'))
  assert.ok(commands.length > 15)
  const stdout = await runAll(commands, await started(t, {}))
  assert.match(stdout, /\{"now":"2090-01-31T12:00:00\.000Z","frozen":true\}/)
  assert.equal((stdout.match(/"route":/g) ?? []).length, 12)
  assert.match(stdout, /\{"entries":\[[^\n]*\],"last":\d+\}/)
})

test('the commands for containers work on a server with the environment that is told', async (t) => {
  const text = await documentation('recipes/testcontainers.md')
  const told = [...text.matchAll(/"(ENTREPOT_\w+)", "([^"]*)"/g)].map(([, name, value]) => [name, value])
  assert.equal(told.length, 3)
  const server = await started(t, { ...Object.fromEntries(told), ENTREPOT_HOST: '0.0.0.0' })
  const stdout = await runAll(commandsOf(text), server, told[1]?.[1])
  assert.match(stdout, /"frozen":false[\s\S]*"status":503[\s\S]*"entries":\[\]/)
})

async function started(t: TestContext, settings: Readonly<Record<string, string>>): Promise<TestServer> {
  const server = await startEmulator(settings)
  t.after(() => server.stop())
  return server
}

function documentation(path: string): Promise<string> {
  return readFile(new URL(`../docs/${path}`, import.meta.url), 'utf8')
}

function commandsOf(text: string): readonly string[] {
  const lines = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.split('\n'))
  return lines.filter((line) => line.startsWith('curl '))
}

/** @returns what they print, each on a line of its own */
async function runAll(commands: readonly string[], { url }: TestServer, key = ''): Promise<string> {
  const script = commands.map((command) => `${command}; echo`).join('\n')
  const env = { ...process.env, URL: url, KEY: key }
  return (await promisify(execFile)('bash', ['-e', '-o', 'pipefail', '-c', script], { env })).stdout
}
