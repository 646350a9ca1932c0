import assert from 'node:assert/strict'
import { access, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { version } from '../src/app/version.ts'
import type { Environment } from '../src/config/setting.ts'
import { allDialects, parseFileId } from '../src/dialects/all.ts'
import { fileIds as llamacloudIds } from '../src/dialects/llamacloud/ids.ts'
import { entrepot, newDataDir, type Outcome, pasteInto, type Settings } from './cli.harness.ts'
import { TestServer } from './harness.ts'
import { LlamaCloudClient } from './llamacloud-client.ts'
import { isLong, onlyLong } from './rounds.ts'

const KEY_LINE = /^ek_[0-9A-Za-z]{38}\n$/
const UUID_LINE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n$/

const onlyBlobs = { ENTREPOT_INLINE_BYTES: '0' }

type Run = (...args: string[]) => Promise<Outcome>

/** The CLI on a data folder that does not exist yet. */
async function onNewFolder(context: TestContext): Promise<Run> {
  const dataDir = await newDataDir(context)
  return (...args) => entrepot(args, { ENTREPOT_DATA_DIR: dataDir })
}

/** The CLI beside a running server. */
async function besideServer(
  context: TestContext,
  settings: Environment = {},
): Promise<{ server: TestServer; run: Run }> {
  const server = await TestServer.start(settings)
  context.after(() => server.stop())
  return { server, run: (...args) => entrepot(args, { ENTREPOT_DATA_DIR: server.dataDir }) }
}

function assertDone({ status, stderr }: Outcome): void {
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
}

function assertFailed(outcome: Outcome, status: number, sentence: string): void {
  assert.deepEqual(outcome, { status, stdout: '', stderr: `error: ${sentence}\n` })
}

async function statusWith(server: TestServer, key: string): Promise<number> {
  const headers = { authorization: `Bearer ${key}`, 'lightfield-version': '2026-03-01' }
  const response = await fetch(`${server.url}/v1/auth/validate`, { headers })
  await response.body?.cancel()
  return response.status
}

test('--version tells the version, and in a checkout the commit', async () => {
  const outcome = await entrepot(['--version'])
  assertDone(outcome)
  assert.match(outcome.stdout, /^\d+\.\d+\.\d+( \(commit [0-9a-f]{12}\))?\n$/)
  assert.ok(outcome.stdout.startsWith(version()))
})

test('key create prints the key and nothing else, on a folder that no server has seen', async (context) => {
  const run = await onNewFolder(context)
  const created = await run('key', 'create', '--init', '--name', 'laptop')
  assertDone(created)
  assert.match(created.stdout, KEY_LINE)
  const { stdout } = await run('key', 'list', '--json')
  const keys = JSON.parse(stdout)
  assert.equal(keys.length, 1)
  assert.equal(keys[0].name, 'laptop')
})

test('org create default makes a new installation, which has that organization, and prints its id', async (context) => {
  const run = await onNewFolder(context)
  const created = await run('org', 'create', 'default', '--init')
  assertDone(created)
  const [organization] = JSON.parse((await run('org', 'list', '--json')).stdout)
  assert.equal(created.stdout, `${organization.id}\n`)
  assertFailed(
    await run('org', 'create', 'default', '--init'),
    1,
    'There is an organization "default" already.',
  )
})

test('a key made by the CLI counts at once in a running server, and stops counting once revoked', async (context) => {
  const { server, run } = await besideServer(context)
  const key = (await run('key', 'create')).stdout.trim()
  assert.equal(await statusWith(server, key), 200)
  const revoked = await run('key', 'revoke', key)
  assertDone(revoked)
  assert.ok(!revoked.stdout.includes(key))
  assert.equal(await statusWith(server, key), 401)
})

test('key revoke takes the id as well, and repeating it succeeds', async (context) => {
  const { server, run } = await besideServer(context)
  const [{ id }] = JSON.parse((await run('key', 'list', '--json')).stdout)
  assertDone(await run('key', 'revoke', id))
  assert.equal(await statusWith(server, server.key), 401)
  assertDone(await run('key', 'revoke', id))
  assertFailed(await run('key', 'revoke', 'ek_unknown'), 1, 'There is no such key.')
})

test('a key carries the organization, projects, user, role, scopes and fidelity it was made with', async (context) => {
  const run = await onNewFolder(context)
  const organization = await run('org', 'create', 'acme', '--init')
  assert.equal(organization.status, 0)
  assert.match(organization.stdout, UUID_LINE)
  const project = (await run('project', 'create', 'reports', '--org', 'acme')).stdout
  assert.match(project, UUID_LINE)
  const where = ['--org', organization.stdout.trim(), '--project', project.trim(), '--project', 'default']
  const who = [
    '--user',
    'ada',
    '--admin',
    '--scope',
    'files:read',
    '--scope',
    'files:create',
    '--fidelity',
    'strict',
  ]
  assertDone(await run('key', 'create', '--name', 'robot', ...where, ...who))
  const [key] = JSON.parse((await run('key', 'list', '--org', 'acme', '--json')).stdout)
  assert.equal(key.organization.slug, 'acme')
  assert.deepEqual(
    key.projects.map(({ slug }: { slug: string }) => slug),
    ['reports', 'default'],
  )
  assert.deepEqual([key.userId, key.role, key.revokedAt], ['ada', 'admin', null])
  assert.deepEqual(key.scopes, ['files:read', 'files:create'])
  assert.equal(key.fidelity, 'strict')
  assert.match((await run('key', 'list', '--org', 'acme')).stdout, /FIDELITY.* strict /s)
  assertDone(await run('key', 'create', '--viewer', '--expires', '30d'))
  const [, viewer] = JSON.parse((await run('key', 'list', '--json')).stdout)
  assert.deepEqual([viewer.role, viewer.scopes], ['viewer', ['files:read']])
  const days = (Date.parse(viewer.expiresAt) - Date.parse(viewer.createdAt)) / (24 * 3_600_000)
  assert.ok(Math.abs(days - 30) < 0.01, `${days}`)
  const both = await run('key', 'create', '--viewer', '--operator')
  assert.deepEqual([both.status, both.stdout], [2, ''])
})

test('who makes an organization or a project is shown the command that makes a key for it, ready to be pasted', {
  skip: onlyLong,
}, async (context) => {
  const at = ['--data-dir', await newDataDir(context)]
  const hints: string[] = []
  for (const args of [
    ['org', 'create', "o'malley & co", '--init'],
    ['project', 'create', 'reports', '--org', "o'malley & co"],
    ['project', 'create', 'drafts'],
  ]) {
    const { status, stdout, stderr } = await entrepot([...args, ...at])
    assert.equal(status, 0, stderr)
    assert.match(stdout, UUID_LINE)
    assert.match(stderr, /^No key can use it yet\. To make one:\n {2}node \S+ key create .*\n$/)
    hints.push(stderr.split('\n  node ')[1]?.trim() ?? '')
  }
  const made = await Promise.all(hints.map((hint) => pasteInto('sh', `'${process.execPath}' ${hint}`)))
  for (const { stdout, stderr } of made) assert.match(stdout, KEY_LINE, stderr)
  const keys = JSON.parse((await entrepot(['key', 'list', '--json', ...at])).stdout)
  const places = keys.map((key: { organization: { slug: string }; projects: { slug: string }[] }) =>
    [key.organization.slug, ...key.projects.map(({ slug }) => slug)].join(' / '),
  )
  assert.deepEqual(places.sort(), ['default / drafts', "o'malley & co / default", "o'malley & co / reports"])
})

test('a key made with no flag is a member of the default project with all scopes, and acts for the project', async (context) => {
  const run = await onNewFolder(context)
  assert.equal((await run('org', 'create', 'acme', '--init')).status, 0)
  assertDone(await run('key', 'create'))
  assertDone(await run('key', 'create', '--org', 'acme'))
  const keys = JSON.parse((await run('key', 'list', '--json')).stdout)
  assert.deepEqual(
    keys.map((key: Record<string, unknown>) => [key.name, key.userId, key.role, key.scopes, key.fidelity]),
    Array(2).fill(['unnamed', null, 'member', [], null]),
  )
  const organizations = JSON.parse((await run('org', 'list', '--json')).stdout)
  assert.deepEqual(organizations.map(({ slug }: { slug: string }) => slug).sort(), ['acme', 'default'])
  const projects = JSON.parse((await run('project', 'list', '--org', 'acme', '--json')).stdout)
  assert.deepEqual(
    projects.map(({ slug, organization }: { slug: string; organization: { slug: string } }) => [
      slug,
      organization.slug,
    ]),
    [['default', 'acme']],
  )
  const taken = 'There is a project "default" in the organization "acme" already.'
  assertFailed(await run('project', 'create', 'default', '--org', 'acme'), 1, taken)
})

test('listings are tables for people and JSON for programs, without secrets or hashes', async (context) => {
  const run = await onNewFolder(context)
  const secret = (await run('key', 'create', '--init', '--name', 'laptop')).stdout.trim()
  const table = (await run('key', 'list')).stdout
  const [header = '', row = ''] = table.split('\n')
  assert.equal(header.indexOf('NAME'), row.indexOf('laptop'))
  assert.match(row, /\d{4}-\d\d-\d\dT\d\d:\d\dZ/)
  for (const listing of [table, (await run('key', 'list', '--json')).stdout]) {
    assert.ok(!listing.includes(secret))
    assert.doesNotMatch(listing, /hash|[0-9a-f]{64}/)
  }
  const projects = JSON.parse((await run('project', 'list', '--json')).stdout)
  assert.deepEqual(
    projects.map(({ slug, organization }: { slug: string; organization: { slug: string } }) => [
      slug,
      organization.slug,
    ]),
    [['default', 'default']],
  )
  assert.match((await run('org', 'list')).stdout, /^ID +NAME +CREATED\n[0-9a-f-]{36} {2}default /)
})

test('a quota set by the CLI bounds a running server at once, and can be lifted', async (context) => {
  const { server, run } = await besideServer(context)
  await storeFile(server)
  const bounded = await run('project', 'quota', 'default', '--files', '1', '--json')
  assertDone(bounded)
  assert.deepEqual(JSON.parse(bounded.stdout), {
    files: { used: 1, quota: 1 },
    bytes: { used: 5, quota: null },
  })
  await assert.rejects(storeFile(server), /answered 403/)
  assertDone(await run('project', 'quota', 'default', '--files', 'none', '--bytes', '10'))
  await storeFile(server)
  await assert.rejects(storeFile(server), /answered 403/)
  const table = (await run('org', 'quota', 'default')).stdout
  assert.match(table, /^ +USED {2}QUOTA\nfiles +2 +none\nbytes +10 +none\n$/)
})

test('names what does not exist, or exists already, in one sentence', async (context) => {
  const run = await onNewFolder(context)
  const none = 'There is no organization "acme".'
  assertDone(await run('migrate', '--init'))
  assertFailed(await run('key', 'create', '--org', 'acme'), 1, none)
  assertFailed(await run('project', 'list', '--org', 'acme'), 1, none)
  const noProject = 'There is no project "x" in the organization "default".'
  assertFailed(await run('key', 'create', '--project', 'x'), 1, noProject)
  assertFailed(await run('org', 'create', 'default'), 1, 'There is an organization "default" already.')
})

test('wrong usage exits with 2 and does nothing', async (context) => {
  const dataDir = await newDataDir(context)
  // The first ones also under `npm test`.
  const wrong = [
    ['key', 'create', '--init', '--colour', 'red'],
    ['key', 'create', '--scope', 'files:burn'],
    ['key', 'revoke'],
    ['frobnicate'],
    [],
    ['key', 'create', '--name', ''],
    ['key', 'create', '--name', 'two\nlines'],
    ['org', 'create', '01890000-0000-7000-8000-000000000000'],
    ['project', 'create', ' '],
    ['id', 'fil_short'],
    ['id'],
    ['doctor', '--max-bytes-per-second', '5'],
    ['backup', ''],
    ['restore', ''],
    ['config', 'foo'],
    ['migrate-storage', '--to-data-dir', '/tmp/x', '--finish', '--abandon'],
  ]
  for (const args of wrong.slice(0, isLong ? undefined : 5)) {
    const { status, stdout, stderr } = await entrepot(args, { ENTREPOT_DATA_DIR: dataDir })
    assert.equal(status, 2, args.join(' '))
    assert.equal(stdout, '', args.join(' '))
    assert.notEqual(stderr, '', args.join(' '))
    assert.doesNotMatch(stderr, /\n {4}at /, args.join(' '))
  }
  await assert.rejects(access(dataDir), { code: 'ENOENT' })
})

test('names every wrong setting in a line of its own, as the flag or the variable it came by', async (context) => {
  const settings: Settings = {
    ENTREPOT_DATA_DIR: await newDataDir(context),
    ENTREPOT_CONNECTIONS_PER_SECOND: '0',
    ENTREPOT_METRICS_PORT: 'none',
    ENTREPOT_TRUSTED_PROXIES: '10.0.0.5, 10.1.0.0/33, foo',
    ENTREPOT_LOG_LEVEL: 'loud',
    ENTREPOT_PORT: '8420',
    ENTREPOT_PUBLIC_URL: 'https://:secret@files.example.com',
    ENTREPOT_ROOT_KEY: 'sixteen-or-more-größer',
    ENTREPOT_RATE_LIMITS: 'fast',
    ENTREPOT_DRAIN_SECONDS: '21',
    ENTREPOT_LIGHTFIELD_SESSION_SECONDS: '0',
    ENTREPOT_LIGHTFIELD_PURPOSES: '{"meeting_transcript":{"maxBytes":"1"}}',
    ENTREPOT_LLAMACLOUD_UPLOAD_FROM_URL_ALLOWED_HOSTS:
      'files.internal:9000, [::1], http://a, a/b, a:70000, 127.1, [0::1], *.a',
    ENTREPOT_COLOUR: 'red',
    ENTREPOT_PROT: '8420',
    ENTREPOT_S3_BUKET: 'files',
    ENTREPOT_LLAMACLOUD_SESION_SECOND: '60',
    ENTREPOT_S3_BUCKET: 'b',
    // Of a move, as its guide exports them; only the last one is a typo.
    ENTREPOT_TO_DATABASE_URL: 'postgres://entrepot:secret@db.example/entrepot',
    ENTREPOT_TO_AWS_SECRET_ACCESS_KEY: 'secret',
    ENTREPOT_TO_DATABSE_URL: 'postgres://entrepot:secret@db.example/entrepot',
  }
  const { status, stdout, stderr } = await entrepot(['serve', '--port', '-1'], settings)
  assert.equal(status, 2)
  assert.equal(stdout, '')
  assert.deepEqual(stderr.split('\n'), [
    'error: --port must be a whole number from 0 to 65535, not "-1".',
    'error: ENTREPOT_PUBLIC_URL must be like https://files.example.com, without user, query or fragment.',
    'error: ENTREPOT_ROOT_KEY must be 16 or more printable ASCII characters, no space around them.',
    'error: ENTREPOT_RATE_LIMITS must be on, off, a number, or like "write=25,read=50,search=10", not "fast".',
    'error: ENTREPOT_CONNECTIONS_PER_SECOND must be off or a whole number from 1 to 9999999, not "0".',
    'error: ENTREPOT_TRUSTED_PROXIES must be like "10.0.0.5, 10.1.0.0/16", not "10.1.0.0/33", "foo".',
    'error: ENTREPOT_LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent, not "loud".',
    'error: ENTREPOT_DRAIN_SECONDS must be a whole number from 0 to 20, not "21".',
    'error: ENTREPOT_METRICS_PORT must be off or a whole number from 0 to 65535, not "none".',
    'error: ENTREPOT_S3_BUCKET must be the name of a bucket (3 to 63 lower-case letters, digits, dots and hyphens, no dot or hyphen at an end), not "b".',
    'error: ENTREPOT_LIGHTFIELD_SESSION_SECONDS must be a whole number from 1 to 604800, not "0".',
    'error: ENTREPOT_LIGHTFIELD_PURPOSES has a purpose "meeting_transcript" that is not an object of mimeTypes, maxBytes, holder and stamped.',
    'error: ENTREPOT_LLAMACLOUD_UPLOAD_FROM_URL_ALLOWED_HOSTS must be like "files.example.com, 10.0.0.5:9000", not "http://a", "a/b", "a:70000", "127.1", "[0::1]", "*.a".',
    'error: ENTREPOT_COLOUR is not a setting; entrepot serve --help lists them.',
    'error: ENTREPOT_PROT is not a setting; entrepot serve --help lists them. Did you mean ENTREPOT_PORT?',
    'error: ENTREPOT_S3_BUKET is not a setting; entrepot serve --help lists them. Did you mean ENTREPOT_S3_BUCKET?',
    'error: ENTREPOT_LLAMACLOUD_SESION_SECOND is not a setting; entrepot serve --help lists them. Did you mean ENTREPOT_LLAMACLOUD_SESSION_SECONDS?',
    'error: ENTREPOT_TO_DATABSE_URL is not a setting; entrepot serve --help lists them. Did you mean ENTREPOT_TO_DATABASE_URL?',
    '',
  ])
})

test('a root key or a list of proxies that could never work is a wrong setting', {
  skip: onlyLong,
}, async (context) => {
  const settings: Settings = { ENTREPOT_DATA_DIR: await newDataDir(context), ENTREPOT_TRUSTED_PROXIES: ',' }
  for (const key of ['too-short', ' space around it ', 'a tab within\tthe key']) {
    const { status, stderr } = await entrepot(['serve'], { ...settings, ENTREPOT_ROOT_KEY: key })
    assert.deepEqual(
      [status, stderr.split('\n')],
      [
        2,
        [
          'error: ENTREPOT_ROOT_KEY must be 16 or more printable ASCII characters, no space around them.',
          'error: ENTREPOT_TRUSTED_PROXIES must be like "10.0.0.5, 10.1.0.0/16", not ",".',
          '',
        ],
      ],
    )
  }
})

test('a second server on the same folder refuses in one sentence', async (context) => {
  const { server, run } = await besideServer(context)
  assertFailed(
    await run('serve', '--port', '0'),
    1,
    `Another server uses the data folder ${server.dataDir}. Stop it, or choose another folder.`,
  )
})

test('a taken port is refused in one sentence that names its setting', {
  skip: onlyLong,
}, async (context) => {
  const { server } = await besideServer(context)
  const { host, port } = new URL(server.url)
  const settings = { ENTREPOT_DATA_DIR: await newDataDir(context) }
  const taken = `${host} is in use by another program;`
  for (const variable of ['ENTREPOT_PORT', 'ENTREPOT_GRPC_PORT', 'ENTREPOT_METRICS_PORT']) {
    const ports = { ENTREPOT_PORT: '0', ENTREPOT_GRPC_PORT: 'off', ENTREPOT_METRICS_PORT: 'off' }
    const silent = { ...settings, ENTREPOT_LOG_LEVEL: 'silent' }
    const outcome = await entrepot(['serve'], { ...silent, ...ports, [variable]: port })
    assertFailed(outcome, 1, `${taken} set ${variable} to another port.`)
  }
  assertFailed(await entrepot(['serve', '--port', port], settings), 1, `${taken} set --port to another port.`)
})

test('help is a command, too, of the whole and of its commands', async () => {
  const [whole, asFlag, ofKeys] = await Promise.all([
    entrepot(['help']),
    entrepot(['--help']),
    entrepot(['help', 'key']),
  ])
  assertDone(whole)
  assert.equal(whole.stdout, asFlag.stdout)
  assertDone(ofKeys)
  assert.match(ofKeys.stdout, /^Usage: entrepot key /)
})

test('a host that cannot be listened on is told in one sentence', async (context) => {
  const settings = { ENTREPOT_DATA_DIR: await newDataDir(context) }
  const listen = (host: string) => entrepot(['serve', '--host', host, '--port', '0'], settings)
  const elsewhere = '192.0.2.1 cannot be listened on (EADDRNOTAVAIL); correct --host or --port.'
  assertFailed(await listen('192.0.2.1'), 1, elsewhere)
})

test('prints every form of a file id from any form, and needs no data folder for it', async () => {
  const forms = JSON.parse((await entrepot(['id', '01890000-0000-7000-8000-0000000000ff', '--json'])).stdout)
  assert.deepEqual(Object.keys(forms), ['uuid', ...allDialects.map(({ name }) => name)])
  for (const form of Object.values<string>(forms)) {
    const { status, stdout } = await entrepot(['id', form])
    assert.equal(status, 0)
    for (const other of Object.values<string>(forms)) assert.ok(stdout.includes(other), `${form}: ${other}`)
  }
})

test('doctor finds bytes without a row, and removes them only if asked to', async (context) => {
  const { server, run } = await besideServer(context)
  const healthy = await run('doctor')
  assertDone(healthy)
  assert.match(healthy.stdout, /Database and bytes agree\./)
  const orphan = 'abcdef00112233445566778899aabbcc'
  const path = join(server.dataDir, 'blobs', 'ab', orphan)
  await mkdir(dirname(path))
  await writeFile(path, 'nobody knows me')
  const found = await run('doctor')
  assert.equal(found.status, 1)
  assert.match(found.stdout, /^Orphans +1$/m)
  assert.ok(found.stdout.includes(orphan))
  await access(path)
  const repaired = await run('doctor', '--repair', '--json')
  assertDone(repaired)
  assert.deepEqual(JSON.parse(repaired.stdout), {
    files: 0,
    bytes: 0,
    blobs: 1,
    transient: 0,
    orphans: [orphan],
    damaged: [],
    removed: 1,
    receiving: [],
  })
  await assert.rejects(access(path), { code: 'ENOENT' })
  assertDone(await run('doctor'))
})

test('doctor tells which blobs are of no file any more', { skip: onlyLong }, async (context) => {
  const { server, run } = await besideServer(context, onlyBlobs)
  await storeFile(server)
  const ended = llamacloudIds.print(parseFileId(await storeFile(server)) ?? '')
  assert.equal((await new LlamaCloudClient(server).delete(ended)).status, 204)
  const { status, stdout } = await run('doctor')
  assert.equal(status, 0)
  assert.match(
    stdout,
    /^Files with bytes +1\nBlobs +2\n +1 of files that have ended, or of uploads under way\nOrphans +0$/m,
  )
})

test('doctor names damaged files and never removes them', { skip: onlyLong }, async (context) => {
  const { server, run } = await besideServer(context, onlyBlobs)
  const { metadata } = server.app.services
  const fileId = await storeFile(server)
  const [blob] = await metadata.listReferencedBlobs(undefined, 1)
  const key = String(blob?.key)
  await writeFile(join(server.dataDir, 'blobs', key.slice(0, 2), key), 'cut')
  for (const args of [['doctor'], ['doctor', '--repair']]) {
    const { status, stdout } = await run(...args)
    assert.equal(status, 1)
    assert.match(stdout, new RegExp(`${fileId} +wrong size\n +blobs/${key.slice(0, 2)}/${key}$`, 'm'))
  }
  assert.deepEqual((await metadata.listReferencedBlobs(undefined, 1))[0], blob)
})

test('migrate says that the schema is current, and where it has made an installation', async (context) => {
  const dataDir = await newDataDir(context)
  const migrate = () => entrepot(['migrate', '--init'], { ENTREPOT_DATA_DIR: dataDir })
  const migrated = await migrate()
  assertDone(migrated)
  assert.equal(
    migrated.stdout,
    `A new installation was made: SQLite in ${dataDir}.\nThe schema is current.\n`,
  )
  assert.equal((await migrate()).stdout, 'The schema is current.\n')
})

/** Puts a file of five bytes in by way of the Lightfield dialect. @returns its id there */
async function storeFile(server: TestServer): Promise<string> {
  const post = async (path: string, fields: object) => {
    const response = await fetch(server.url + path, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${server.key}`,
        'lightfield-version': '2026-03-01',
        'content-type': 'application/json',
      },
      body: JSON.stringify(fields),
    })
    if (!response.ok) throw new Error(`it answered ${response.status}: ${await response.text()}`)
    return (await response.json()) as { readonly id: string; readonly uploadUrl: string }
  }
  const announced = { filename: 'a.txt', mimeType: 'text/plain', sizeBytes: 5 }
  const { id, uploadUrl } = await post('/v1/files', announced)
  await fetch(uploadUrl, { method: 'PUT', headers: { 'content-type': 'text/plain' }, body: 'bytes' })
  await post(`/v1/files/${id}/complete`, {})
  return id
}
