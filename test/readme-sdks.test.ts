import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import manifest from '../package.json' with { type: 'json' }
import { allDialects } from '../src/dialects/all.ts'
import { compileCache } from './compile-cache.ts'
import { TestServer } from './harness.ts'

const root = join(import.meta.dirname, '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')

function program(): string {
  return /^cat > four\.mjs <<'EOF'\n([\s\S]+?)^EOF$/m.exec(readme)?.[1] ?? assert.fail('no four.mjs')
}

test('the program of README.md takes one file through four SDKs', async (t) => {
  const lines = (await run(t, program())).trimEnd().split('\n')
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

test('README.md installs the versions that are tested here', () => {
  const rows = readme.split('\n').filter((line) => /^\| \[.*\| `(?:npm|pip) install /.test(line))
  assert.equal(rows.length, allDialects.length)
  const here: Readonly<Record<string, string>> = manifest.devDependencies
  for (const row of rows) {
    const [, page = '', dialect = ''] = /\((src\/dialects\/(\w+)\/README\.md)\)/.exec(row) ?? []
    for (const [, name = '', version] of row.matchAll(/`npm install (@?[^@`]+)@([^`]+)`/g))
      assert.equal(version, here[name], `${name} in the row of ${dialect}`)
    for (const [, name = '', version = ''] of row.matchAll(/`pip install ([^=`]+)==([^`]+)`/g)) {
      // Those that are not recorded were run by hand, as the dialect's page says.
      const recorded = existsSync(join(root, `test/recordings/requests/python-${name}-${version}.json`))
      const told = readFileSync(join(root, page), 'utf8').includes(`\`${name}\` ${version}`)
      assert.ok(recorded || told, `${name} ${version} in the row of ${dialect}`)
    }
  }
})

test('the picture of README.md shows its program, line by line', () => {
  const picture = readFileSync(join(root, 'docs/terminal.svg'), 'utf8')
  const shown = [...picture.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text = '']) =>
    text.replaceAll(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code))),
  )
  const lines = program().slice(program().indexOf('const {')).trim().split('\n').filter(Boolean)
  assert.ok(lines.length > 5)
  for (const line of lines) assert.ok(shown.includes(line), `npm run picture: ${line}`)
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
