import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import type { DialectsBody } from '../src/admin/files/schemas.ts'
import { allDialects } from '../src/dialects/all.ts'
import { AdminClient } from './admin-client.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient } from './lightfield-client.ts'
import { newFolder } from './new-folder.ts'
import { onlyLong } from './rounds.ts'
import { withGrpc } from './yandex-client.ts'

type View = DialectsBody['dialects'][number]
type Snippet = View['snippets'][number]

const ACTIONS = ['get', 'download', 'delete'] as const
/** In whose API nothing ends a stored file. */
const DELETES_NOTHING = 'lightfield'
/** Where the SDKs are found. */
const ROOT = join(import.meta.dirname, '..')

let server: TestServer
let admin: AdminClient

before(async () => {
  server = await TestServer.start(withGrpc)
  admin = new AdminClient(server)
})
after(() => server.stop())

async function viewsOf(id: string, client = admin): Promise<readonly View[]> {
  const { status, body, text } = await client.send<DialectsBody>('GET', `/files/${id}/dialects`)
  assert.equal(status, 200, text)
  return body.dialects
}

async function viewOf(id: string, dialect: string): Promise<View> {
  return (await viewsOf(id)).find(({ name }) => name === dialect) ?? assert.fail(`no ${dialect}`)
}

const refusalsOf = (views: readonly View[]) =>
  Object.fromEntries(views.map(({ name, refusal }) => [name, refusal]))

test('a file is told in every dialect, with snippets for each action in each language', async () => {
  const { id } = await admin.stored('Hello')
  const views = await viewsOf(id)
  assert.deepEqual(views.map(({ name }) => name).sort(), allDialects.map(({ name }) => name).sort())
  for (const { name, id: own, baseUrl, refusal, snippets } of views) {
    const dialect = allDialects.find((each) => each.name === name) ?? assert.fail(name)
    assert.equal(own, dialect.fileIds.print(id))
    assert.equal(baseUrl, `${server.url}/${name}${dialect.basePath ?? ''}`)
    assert.equal(refusal, null)
    const actions = ACTIONS.filter((action) => name !== DELETES_NOTHING || action !== 'delete')
    assert.deepEqual(
      snippets.map(({ action, language }) => `${action} ${language}`),
      actions.flatMap((action) =>
        ['curl', 'python', 'javascript'].map((language) => `${action} ${language}`),
      ),
    )
    for (const { code } of snippets) assert.ok(!code.includes(server.key) && code.includes('KEY'), code)
  }
})

test('what a dialect does not show, or does not give back, is told', async () => {
  const pending = await viewsOf((await new LightfieldClient(server).pending()).id)
  for (const { name, refusal, snippets } of pending) {
    const isShown = name === 'lightfield'
    assert.equal(refusal === null, isShown, name)
    assert.deepEqual(new Set(snippets.map(({ action }) => action)), new Set(isShown ? ['get'] : []), name)
  }
  const { id } = await admin.stored('Hello', { purpose: 'user_data' })
  const strict = new AdminClient({ url: server.url, key: await server.newKey({ fidelity: 'strict' }) })
  const views = await viewsOf(id, strict)
  const withheld = Object.entries(refusalsOf(views)).filter(([, refusal]) => refusal !== null)
  assert.deepEqual(withheld.map(([name]) => name).sort(), ['anthropic', 'gemini', 'openai'])
  for (const { refusal, snippets } of views) {
    const hasDownload = snippets.some(({ action }) => action === 'download')
    assert.equal(hasDownload, refusal === null)
  }
})

test('a key that may not delete is told no program that does', async () => {
  const { id } = await admin.stored('Hello')
  const viewer = new AdminClient({ url: server.url, key: await server.newKey({ role: 'viewer' }) })
  for (const { snippets } of await viewsOf(id, viewer))
    assert.deepEqual(new Set(snippets.map(({ action }) => action)), new Set(['get', 'download']))
})

test('a file that is gone, or of another project, is in no dialect', async () => {
  const { id } = await admin.stored('Hello')
  const stranger = new AdminClient({ url: server.url, key: (await server.newTenant('strangers')).key })
  assert.equal((await stranger.send('GET', `/files/${id}/dialects`)).status, 404)
  await admin.send('DELETE', `/files/${id}`)
  assert.equal((await admin.send('GET', `/files/${id}/dialects`)).status, 404)
})

/** Runs a program in an empty folder. @returns what it printed, and the file that it downloaded */
async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  downloadAt: string,
  settings: Readonly<Record<string, string>> = { KEY: server.key },
) {
  await rm(downloadAt, { force: true })
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  assert.equal(code, 0, `${args.at(-1)}\n${out}${err}`)
  return { out, downloaded: await readFile(downloadAt, 'utf8').catch(() => undefined) }
}

/** Carries out the snippets of one language and dialect, each on a file that is there. */
async function carryOut(
  dialect: string,
  language: Snippet['language'],
  play: (code: string) => Promise<{ out: string; downloaded: string | undefined }>,
): Promise<void> {
  const content = `Hello from ${dialect}.`
  const { id } = await admin.stored(content, { filename: 'hello.txt', purpose: 'user_data' })
  const { id: own, snippets } = await viewOf(id, dialect)
  for (const { action, language: of, code } of snippets) {
    if (of !== language) continue
    const { out, downloaded } = await play(code)
    // What is printed is the vendor's object.
    if (action === 'get') assert.ok(out.includes(own), `${code}\n${out}`)
    assert.equal(downloaded, action === 'download' ? content : undefined, code)
  }
  const isLeft = (await admin.get(id)).status === 200
  assert.equal(isLeft, dialect === DELETES_NOTHING, `${dialect} ${language}`)
}

for (const { name } of allDialects) {
  test(`the snippets of ${name} for curl do what they say`, async () => {
    const folder = newFolder('snippets-')
    await carryOut(name, 'curl', (code) => run('sh', ['-c', code], folder, join(folder, 'download')))
  })

  test(`the snippets of ${name} for JavaScript do what they say`, { skip: onlyLong }, async () => {
    const folder = newFolder('snippets-')
    const at = join(folder, 'download')
    await carryOut(name, 'javascript', (code) => {
      const placed = code.replaceAll("'download'", JSON.stringify(at))
      return run(process.execPath, ['--input-type=module', '-e', placed], ROOT, at)
    })
  })
}

test('the snippets for Python can be read by Python', async (t) => {
  const { id } = await admin.stored('Hello')
  const codes = (await viewsOf(id)).flatMap(({ snippets }) =>
    snippets.flatMap(({ language, code }) => (language === 'python' ? [code] : [])),
  )
  const file = join(newFolder('snippets-'), 'codes.json')
  await writeFile(file, JSON.stringify(codes))
  const program =
    'import ast, json, sys\nfor code in json.load(open(sys.argv[1])): ast.parse(code)\nprint("parsed")'
  const child = spawn('python3', ['-c', program, file])
  const [missing] = await Promise.race([once(child, 'error'), once(child, 'spawn')])
  if (missing) return t.skip('this system has no python3')
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  assert.equal(out, 'parsed\n', err)
})

test('over TLS the snippets of Yandex for JavaScript are those of its SDK', { skip: onlyLong }, async () => {
  const { SdkServer } = await import('./sdk/yandex-sdk.ts')
  const sdk = await SdkServer.start()
  try {
    const { id } = await sdk.client().create('Hello')
    const { caPath = assert.fail('no certificate') } = sdk.server.app
    const play = (code: string, at: string) =>
      run(
        process.execPath,
        ['--input-type=module', '-e', code.replaceAll("'download'", `'${at}'`)],
        ROOT,
        at,
        {
          ...{ KEY: sdk.server.key, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: caPath, NODE_EXTRA_CA_CERTS: caPath },
        },
      )
    const at = join(newFolder('snippets-'), 'download')
    const address = `${sdk.server.url}/admin/v1/files/${id}/dialects`
    const asking = `const headers = { authorization: 'Bearer ' + process.env.KEY }
      console.log(await (await fetch('${address}', { headers })).text())`
    const { dialects }: DialectsBody = JSON.parse((await play(asking, at)).out)
    const { snippets = [] } = dialects.find(({ name }) => name === 'yandex') ?? {}
    for (const { action, language, code } of snippets) {
      if (language === 'python') assert.ok(!code.includes('verify'), code)
      if (language !== 'javascript') continue
      assert.ok(code.includes("from '@yandex-cloud/nodejs-sdk'"), code)
      // Of an address, Node does not tell the server the name that its certificate has.
      const { out, downloaded } = await play(code.replace("'127.0.0.1:", "'localhost:"), at)
      if (action === 'get') assert.ok(out.includes(id), out)
      assert.equal(downloaded, action === 'download' ? 'Hello' : undefined)
    }
    await assert.rejects(sdk.client().get(id))
  } finally {
    await sdk.stop()
  }
})
