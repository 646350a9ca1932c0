import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { hash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createProject } from '../src/core/access/tenants.ts'
import { ENTRY, type Outcome, Running, type Settings, startEntrepot } from './cli.harness.ts'
import { CuttingProxy } from './cutting-proxy.ts'
import { TestServer } from './harness.ts'

const MIB = 1024 * 1024
const BIG = randomBytes(5 * MIB)
const needsFullDisk = { skip: existsSync('/dev/full') ? false : 'this system has no /dev/full' }

let server: TestServer

before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

/** A person with a home and a folder to work in. */
class Person {
  readonly home: string
  readonly settings: Settings

  private constructor(home: string, settings: Settings) {
    this.home = home
    this.settings = { HOME: home, ...settings }
  }

  static async of(context: TestContext, settings?: Settings): Promise<Person> {
    const home = await mkdtemp(join(tmpdir(), 'entrepot-person-'))
    context.after(() => rm(home, { recursive: true, force: true }))
    return new Person(home, settings ?? { ENTREPOT_URL: server.url, ENTREPOT_KEY: server.key })
  }

  path(name: string): string {
    return join(this.home, name)
  }

  async write(name: string, bytes: string | Uint8Array): Promise<string> {
    await writeFile(this.path(name), bytes)
    return this.path(name)
  }

  start(args: readonly string[], stdin: string | Uint8Array = ''): Running {
    const running = new Running(startEntrepot(args, this.settings))
    running.child.stdin?.on('error', () => undefined).end(stdin)
    return running
  }

  async run(args: readonly string[], stdin?: string | Uint8Array): Promise<Outcome> {
    const running = this.start(args, stdin)
    return { status: await running.ended, stdout: running.stdout, stderr: running.stderr }
  }

  /** @throws AssertionError unless it succeeds without a word on standard error */
  async done(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.run(args)
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
    return stdout
  }

  async failed(args: readonly string[], status: number, sentence: string | RegExp): Promise<void> {
    const outcome = await this.run(args)
    assert.equal(outcome.status, status, outcome.stderr)
    assert.equal(outcome.stdout, '')
    const [, told = ''] = /^error: (.*)\n$/.exec(outcome.stderr) ?? []
    if (typeof sentence === 'string') assert.equal(told, sentence)
    else assert.match(told, sentence)
  }
}

async function api(path: string, method = 'GET'): Promise<Response> {
  return fetch(server.url + path, { method, headers: { authorization: `Bearer ${server.key}` } })
}

async function fileOf(id: string): Promise<Record<string, unknown>> {
  return (await api(`/admin/v1/files/${id}`)).json() as never
}

async function bytesOf(id: string): Promise<Buffer> {
  return Buffer.from(await (await api(`/admin/v1/files/${id}/content`)).arrayBuffer())
}

async function defaults() {
  const { metadata } = server.app.services
  const organization = await metadata.findOrganization('default')
  const project = await metadata.findProject(organization?.id ?? '', 'default')
  return { organizationId: organization?.id ?? '', projectId: project?.id ?? '' }
}

/** A file that is there already. @returns its id */
async function stored(name: string, bytes: string | Uint8Array, key = server.key): Promise<string> {
  const body = new FormData()
  body.set('purpose', 'user_data')
  body.set('file', new File([Buffer.from(bytes as string)], name))
  const headers = { authorization: `Bearer ${key}` }
  const response = await fetch(`${server.url}/v1/files`, { method: 'POST', headers, body })
  return ((await response.json()) as { id: string }).id
}

test('files, folders and the standard input go in, and their ids come out in this order', async (context) => {
  const person = await Person.of(context)
  const big = await person.write('big.bin', BIG)
  await mkdir(person.path('docs/sub'), { recursive: true })
  await person.write('docs/sub/a.md', '# A')
  await person.write('docs/none', '')
  const piped = randomBytes(9 * MIB)
  const args = ['--label', 'team=sales', '--purpose', 'user_data', '--expires', '30d']
  const outcome = await person.run(['file', 'put', '-r', big, person.path('docs'), '-', ...args], piped)
  assert.deepEqual([outcome.status, outcome.stderr], [0, ''])
  const ids = outcome.stdout.trim().split('\n')
  const files = await Promise.all(ids.map(fileOf))
  assert.deepEqual(
    files.map(({ name, sizeBytes }) => [name, sizeBytes]),
    [
      ['big.bin', BIG.length],
      ['docs/none', 0],
      ['docs/sub/a.md', 3],
      ['stdin', piped.length],
    ],
  )
  for (const { labels, purpose, expiresAt } of files)
    assert.deepEqual([labels, purpose, expiresAt], [{ team: 'sales' }, 'user_data', files[0]?.expiresAt])
  assert.equal(files[2]?.mimeType, 'text/markdown')
  assert.deepEqual(await bytesOf(ids[0] ?? ''), BIG)
  assert.deepEqual(await bytesOf(ids[3] ?? ''), piped)
})

test('a listing is a table in which names have no power, and JSON for programs', async (context) => {
  const person = await Person.of(context)
  const path = await person.write('x', 'evil')
  const file = JSON.parse(await person.done('file', 'put', path, '--json', '--name', 'turned\u202etxt.exe'))
  assert.equal(file.name, 'turned\u202etxt.exe')
  const [head, row, ...rest] = (await person.done('file', 'ls', '--name', 'TURNED')).split('\n')
  assert.match(head ?? '', /^NAME +SIZE +TYPE +AGE +ID$/)
  assert.match(row ?? '', new RegExp(`^turned\\?txt\\.exe +4 B +\\S+ +\\d+[a-z] +${file.id}$`))
  assert.deepEqual(rest, [''])
  const listed = JSON.parse(await person.done('file', 'ls', '--name', 'turned', '--limit', '1', '--json'))
  assert.deepEqual(listed, [await fileOf(file.id)])
  const narrow = [
    '--project',
    '*',
    '--name',
    'turned',
    '--dialect',
    'tus',
    '--sort',
    'size',
    '--order',
    'asc',
    '--json',
  ]
  const sorted = JSON.parse(await person.done('file', 'ls', ...narrow, '--type', file.mimeType))
  assert.deepEqual(sorted, listed)
  assert.deepEqual(JSON.parse(await person.done('file', 'ls', ...narrow, '--type', 'image/*')), [])
})

test('a file comes out whole under its name, is not replaced unasked, and goes into pipes', async (context) => {
  const person = await Person.of(context)
  const id = await stored('in.bin', BIG)
  await person.done('file', 'get', id, '-o', person.path('out.bin'))
  assert.deepEqual(await readFile(person.path('out.bin')), BIG)
  await person.failed(['file', 'get', id, '-o', person.path('out.bin')], 1, /is there already: --force/)
  await mkdir(person.path('folder'))
  assert.equal(
    await person.done('file', 'get', id, '-o', person.path('folder')),
    `${person.path('folder/in.bin')}\n`,
  )
  assert.deepEqual(await readdir(person.path('folder')), ['in.bin'])
  const piped = await person.run(['file', 'get', await stored('text', 'hello'), '-o', '-'])
  assert.deepEqual(piped, { status: 0, stdout: 'hello', stderr: '' })
})

test('a file whose name leads elsewhere gets none from it', async (context) => {
  const person = await Person.of(context)
  const id = await stored('.profile', 'x')
  await person.failed(['file', 'get', id], 1, '".profile" is no good name for a file here: give one by -o.')
})

test('what cannot be kept is told by the place that was asked for, and leaves nothing', async (context) => {
  const person = await Person.of(context)
  const id = await stored('in.bin', BIG)
  const file = await person.write('file', 'x')
  for (const [place, what] of [
    [`${file}/out`, 'not a directory (ENOTDIR); correct the path, or make what it leads to'],
    [
      person.path('none/out'),
      'no such file or directory (ENOENT); correct the path, or make what it leads to',
    ],
  ] as const)
    await person.failed(['file', 'get', id, '-o', place], 1, `${place}: ${what}.`)
  await symlink('nowhere', person.path('link'))
  await person.failed(['file', 'get', id, '-o', person.path('link')], 1, /is there already: --force/)
  assert.deepEqual((await readdir(person.home)).sort(), ['file', 'link'])
})

test('a full disk behind the standard output is told in one sentence', needsFullDisk, async (context) => {
  const person = await Person.of(context)
  const path = await person.write('a', 'a')
  for (const args of [
    ['file', 'ls'],
    ['file', 'put', path],
    ['file', 'get', await stored('a', 'a'), '-o', '-'],
  ]) {
    await using full = await open('/dev/full', 'w')
    const child = spawn(process.execPath, [ENTRY, ...args], {
      env: person.settings,
      stdio: ['ignore', full.fd, 'pipe'],
    })
    const running = new Running(child)
    assert.equal(await running.ended, 1)
    assert.equal(
      running.stderr,
      'error: standard output: no space left on device (ENOSPC); make room on its disk.\n',
    )
  }
})

test('a file is copied to another project on the server', async (context) => {
  const { organizationId, projectId } = await defaults()
  const project = await createProject(server.app.services, organizationId, 'archive')
  const key = await server.newKey({ projectIds: [projectId, project.id] })
  const person = await Person.of(context, { ENTREPOT_URL: server.url, ENTREPOT_KEY: key })
  const id = await stored('in.bin', BIG, key)
  const args = ['file', 'cp', id, '--project', 'archive', '--name', 'copy.bin', '--json']
  const copy = JSON.parse(await person.done(...args))
  assert.deepEqual(
    [copy.name, copy.project.slug, copy.sha256],
    ['copy.bin', 'archive', hash('sha256', BIG, 'hex')],
  )
  assert.notEqual(copy.id, id)
})

test('a link is made, listed and ended', async (context) => {
  const person = await Person.of(context)
  const id = await stored('a.txt', 'Hello')
  const url = (await person.done('file', 'link', id, '--expires', '90s')).trim()
  assert.equal(await (await fetch(url)).text(), 'Hello')
  const [made, ...others] = JSON.parse(await person.done('file', 'link', id, '--list', '--json'))
  assert.deepEqual([made.url, others], [url, []])
  assert.equal(Date.parse(made.expiresAt) - Date.parse(made.createdAt), 90_000)
  assert.equal(await person.done('file', 'link', id, '--end', made.id), `Ended ${made.id}.\n`)
  assert.equal((await fetch(url)).status, 403)
})

test('files are deleted one by one, and a missing one does not keep the others', async (context) => {
  const person = await Person.of(context)
  const id = await stored('a', 'a')
  assert.match(await person.done('file', 'stat', id), /^sizeBytes +1 \(1 B\)$/m)
  const outcome = await person.run(['file', 'rm', 'nope', id])
  assert.deepEqual(outcome, {
    status: 1,
    stdout: `Deleted ${id}.\n`,
    stderr: 'error: nope: There is no file with this ID.\n',
  })
  assert.equal((await api(`/admin/v1/files/${id}`)).status, 404)
})

test('a key is kept for its server alone, in a file that nobody else reads', async (context) => {
  const person = await Person.of(context, {})
  const url = server.url
  const login = ['login', '--url', url, '--profile', 'work']
  const wrong = await person.run(login, 'ek_wrong\n')
  assert.match(wrong.stderr, /^error: .*; give another key/)
  const { status, stdout } = await person.run(login, `${server.key}\n`)
  assert.deepEqual([status, stdout.includes(server.key)], [0, false])
  const profiles = person.path('.config/entrepot/profiles.json')
  assert.equal((await stat(profiles)).mode & 0o777, 0o600)
  await person.done('file', 'ls', '--limit', '1', '--profile', 'work')
  await person.failed(
    ['file', 'ls', '--profile', 'work', '--url', 'http://localhost:1'],
    2,
    /^There is no key for/,
  )
  await writeFile(profiles, '{"profiles":{"work":{"url":"nonsense","key":"ek_x"}}}')
  await person.failed(['file', 'ls', '--profile', 'work'], 1, /is not what entrepot login writes: remove it/)
  await chmod(profiles, 0o644)
  await person.failed(['file', 'ls', '--profile', 'work'], 1, /others may read it: chmod 600/)
})

test('what stands in the way is told in one sentence', async (context) => {
  const person = await Person.of(context)
  const path = await person.write('a', 'a')
  const stranger = createServer((_, response) => response.end('<html>')).listen(0, '127.0.0.1')
  await once(stranger, 'listening')
  context.after(() => stranger.close())
  const strange = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`
  await person.failed(['file', 'put', path, '--url', strange], 1, /^http\S+ is not an Entrepot server/)
  await person.failed(
    ['file', 'put', path, '--url', 'http://localhost:1'],
    1,
    /^Nothing listens at http:\/\/localhost:1/,
  )
  // One sentence for all of them.
  await person.failed(
    ['file', 'put', path, path, path, '--key', 'ek_wrong'],
    1,
    /; give another key by ENTREPOT_KEY/,
  )
  await person.failed(['file', 'put', path, person.home], 1, /is a folder: --recursive/)
  await person.failed(
    ['file', 'put', path, '--name', 'a\nb'],
    1,
    'The name contains control characters: give another by --name.',
  )
  await person.failed(['file', 'ls', '--key', ''], 2, /^The key is empty/)
  await symlink('nowhere', person.path('link'))
  await person.failed(
    ['file', 'put', '-r', person.home],
    1,
    `${person.path('link')}: no such file or directory (ENOENT); correct the path, or make what it leads to.`,
  )
})

test('an upload goes through cuts, and after Ctrl-C the same command goes on', async (context) => {
  const proxy = await CuttingProxy.start(server.url)
  context.after(() => proxy.stop())
  // The server's own address leads past the proxy, and is not used.
  const person = await Person.of(context, { ENTREPOT_URL: proxy.url, ENTREPOT_KEY: server.key })
  const bytes = randomBytes(24 * MIB)
  const path = await person.write('long.bin', bytes)
  proxy.cutAfter(4 * MIB, 6 * MIB)
  const stalled = proxy.stallAfter(8 * MIB)
  const first = person.start(['file', 'put', path])
  await Promise.race([stalled, first.ended])
  first.child.kill('SIGINT')
  await first.ended
  assert.deepEqual([first.child.signalCode, first.stdout], ['SIGINT', ''])
  assert.equal(first.stderr, 'Interrupted. The same command goes on from here, within the hour.\n')
  const [link = ''] = await readdir(person.path('.local/state/entrepot/uploads'))
  assert.equal((await stat(person.path(`.local/state/entrepot/uploads/${link}`))).mode & 0o777, 0o600)
  const id = (await person.done('file', 'put', path)).trim()
  assert.equal((await fileOf(id)).sha256, hash('sha256', bytes, 'hex'))
  assert.equal(proxy.cutsLeft, 0)
  assert.ok(proxy.passedBytes < 1.3 * bytes.length, `${proxy.passedBytes} bytes were sent`)
  assert.deepEqual(await readdir(person.path('.local/state/entrepot/uploads')), [])
})

test('a file that grows while it is uploaded is not kept, and told', async (context) => {
  const proxy = await CuttingProxy.start(server.url)
  context.after(() => proxy.stop())
  for (const scopes of [[], ['files:create']] as const) {
    const key = await server.newKey({ scopes })
    const person = await Person.of(context, { ENTREPOT_URL: proxy.url, ENTREPOT_KEY: key })
    const path = await person.write('grown.log', randomBytes(8 * MIB))
    proxy.cutAfter(4 * MIB)
    const running = person.start(['file', 'put', path])
    while (proxy.cutsLeft > 0) await sleep(10)
    await appendFile(path, 'more')
    assert.equal(await running.ended, 1)
    const sent = scopes.length === 0 ? 'is deleted again' : 'stays as .+, because this key may not delete it'
    assert.match(
      running.stderr,
      new RegExp(`^error: The file changed while it was uploaded: what was sent ${sent}\\. Run .+\n$`),
    )
    assert.equal(running.stdout, '')
  }
  const listed = (await (await api('/admin/v1/files?name=grown.log')).json()) as { files: unknown[] }
  assert.equal(listed.files.length, 1)
})
