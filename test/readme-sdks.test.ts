import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import manifest from '../package.json' with { type: 'json' }
import { compileCache } from './compile-cache.ts'
import { TestServer } from './harness.ts'

const root = join(import.meta.dirname, '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')

test('the program of README.md takes one file through four SDKs', async (t) => {
  const program = /^cat > four\.mjs <<'EOF'\n([\s\S]+?)^EOF$/m.exec(readme)?.[1] ?? ''
  const lines = (await run(t, program)).trimEnd().split('\n')
  const digits = /^OpenAI file-([0-9a-f]{32})$/.exec(lines[0] ?? '')?.[1] ?? ''
  const uuid = digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  assert.deepEqual(lines.slice(1), [
    `Anthropic file_${digits}`,
    `Gemini files/${digits}`,
    `Mistral ${uuid}`,
    'Hello from the harbour.',
  ])
})

test('README.md names the versions that its program runs with here', () => {
  const named = /^\*\*TypeScript and JavaScript\*\* \((.+)\)$/m.exec(readme)?.[1] ?? ''
  const here: Readonly<Record<string, string>> = manifest.devDependencies
  const packages = named.split(', ').map((each) => /^`(.+)` /.exec(each)?.[1] ?? '')
  assert.equal(named, packages.map((name) => `\`${name}\` ${here[name]}`).join(', '))
  assert.equal(packages.length, 4)
})

/** @returns what the program prints, run where its packages are */
async function run(t: TestContext, program: string): Promise<string> {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const env = { PATH: process.env.PATH, URL: server.url, KEY: server.key, ...compileCache() }
  const child = spawn(process.execPath, ['--input-type=module'], { cwd: root, env })
  child.stdin.end(program)
  const [stdout, stderr] = await Promise.all([child.stdout.toArray(), child.stderr.toArray()])
  assert.equal(Buffer.concat(stderr).toString(), '')
  return Buffer.concat(stdout).toString()
}
