import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AdminClient, type ProblemAnswer } from '../../../test/admin-client.ts'
import { TestServer } from '../../../test/harness.ts'
import { LightfieldClient } from '../../../test/lightfield-client.ts'
import { RawConnection } from '../../../test/raw-http.ts'
import { runJobs } from '../../../test/run-jobs.ts'
import { SseReader } from '../../../test/sse-reader.ts'
import { until } from '../../../test/until.ts'
import { withGrpc, YandexClient } from '../../../test/yandex-client.ts'
import { hashSecret } from '../../core/access/admit.ts'
import type { Role } from '../../core/access/keys.ts'
import { StoreError } from '../../core/errors.ts'
import type { JobState } from '../../core/upkeep/job-state.ts'
import type { Health, Setting } from './operating.ts'

type Told = Omit<JobState, 'startedAt' | 'endedAt'> & {
  readonly startedAt: string | null
  readonly endedAt: string | null
}

const ROOT_KEY = `root-${'k'.repeat(40)}`

let server: TestServer
let operator: AdminClient
before(async () => {
  server = await TestServer.start({ ENTREPOT_ROOT_KEY: ROOT_KEY })
  operator = new AdminClient({ url: server.url, key: ROOT_KEY })
})
after(() => server.stop())

async function clientOf(role: Role, slug?: string): Promise<AdminClient> {
  const tenant = slug === undefined ? undefined : await server.newTenant(slug)
  const of = tenant && { organizationId: tenant.organization.id, projectIds: [tenant.project.id] }
  return new AdminClient({ url: server.url, key: await server.newKey({ role, ...of }) })
}

test('an operator sees each job, where it runs, and how it ended', async () => {
  const list = async () => (await operator.send<{ jobs: Told[] }>('GET', '/jobs')).body.jobs
  await until(10_000, async () =>
    (await list()).every(({ outcome, isRunning }) => outcome === 'ok' && !isRunning),
  )
  const jobs = await list()
  const names = jobs.map(({ name }) => name)
  for (const name of ['expire files', 'collect blobs', 'keep usage']) assert.ok(names.includes(name), name)
  for (const job of jobs) {
    assert.ok(job.runs > 0 && job.failures === 0 && job.runsHere, JSON.stringify(job))
    assert.equal(job.endedAt, new Date(server.clock.now()).toISOString())
  }
})

test('a job that fails says why, and health names it', async (t) => {
  const failing = await TestServer.start({ ENTREPOT_ROOT_KEY: ROOT_KEY })
  t.after(() => failing.stop())
  const client = new AdminClient({ url: failing.url, key: ROOT_KEY })
  t.mock.method(failing.app.services.metadata, 'listForsakenBlobs', async () => {
    throw new Error('the table is gone')
  })
  const name = 'give back what failed requests held'
  const find = async () =>
    (await client.send<{ jobs: Told[] }>('GET', '/jobs')).body.jobs.find((job) => job.name === name)
  await until(10_000, async () => (await find())?.outcome === 'failed')
  const job = await find()
  assert.deepEqual([job?.error, job?.failures], ['the table is gone', 1])
  const { body } = await client.send<Health>('GET', '/health')
  assert.equal(body.state, 'warning')
  assert.match(body.checks.find((check) => check.name === 'jobs')?.detail ?? '', new RegExp(name))
})

test('settings tell value, source and help, and no secret', async () => {
  const { body, text } = await operator.send<{ settings: Setting[] }>('GET', '/settings')
  const find = (name: string) => body.settings.find((setting) => setting.name === name)
  assert.deepEqual(find('ENTREPOT_ROOT_KEY'), {
    ...find('ENTREPOT_ROOT_KEY'),
    value: '[secret]',
    from: 'environment',
  })
  assert.equal(find('ENTREPOT_DRAIN_SECONDS')?.from, 'default')
  assert.equal(find('ENTREPOT_DATA_DIR')?.value, server.dataDir)
  assert.ok(body.settings.every(({ help }) => help !== ''))
  assert.ok(!text.includes(ROOT_KEY))
})

test('health tells in sentences how the server is, and what it runs', async () => {
  const { body } = await operator.send<Health>('GET', '/health')
  const shared = server.databaseUrl === undefined ? [] : ['servers']
  assert.deepEqual(
    body.checks.map(({ name }) => name),
    ['database', 'bytes', 'disk', 'clock', 'jobs', ...shared],
  )
  assert.deepEqual(
    body.checks.filter(({ state }) => state !== 'ok'),
    [],
  )
  assert.equal(body.state, 'ok')
  assert.deepEqual([body.server.node, body.server.publicUrl], [process.versions.node, server.url])
  assert.ok((body.disk?.sizeBytes ?? 0) > (body.disk?.freeBytes ?? 0))
  assert.deepEqual(
    body.nodes.map(({ isThis, leads, version }) => ({ isThis, leads, version })),
    shared.map(() => ({ isThis: true, leads: true, version: body.server.version })),
  )
})

test('a store that does not answer fails the health of its server', async (t) => {
  const failing = await TestServer.start({ ENTREPOT_ROOT_KEY: ROOT_KEY })
  t.after(() => failing.stop())
  t.mock.method(failing.app.services.blobs, 'check', async () => {
    throw new Error('gone')
  })
  const client = new AdminClient({ url: failing.url, key: ROOT_KEY })
  const { body } = await client.send<Health>('GET', '/health')
  assert.equal(body.state, 'failed')
  assert.match(body.checks.find(({ name }) => name === 'bytes')?.detail ?? '', /does not answer/)
})

test('who is no operator sees none of it, and the tail from admins on', async () => {
  for (const role of ['viewer', 'member', 'admin'] as const) {
    const client = await clientOf(role)
    for (const path of ['/jobs', '/settings', '/health']) {
      const { status, body } = await client.send('GET', path)
      assert.deepEqual([role, path, status, body.code], [role, path, 403, 'role_missing'])
    }
  }
  const { status, body } = await (await clientOf('member')).send('GET', '/tail')
  assert.deepEqual([status, body.code], [403, 'role_missing'])
})

const tailOf = (client: AdminClient, query = '') =>
  SseReader.open(`${server.url}/admin/v1/tail${query}`, client.key)

test('an admin is told of each request of its organization as it ends, and of no other', async () => {
  const mine = await clientOf('admin', 'watched')
  const theirs = await clientOf('admin', 'unwatched')
  await using tail = await tailOf(mine)
  assert.match(tail.headers.get('content-type') ?? '', /^text\/event-stream/)
  assert.match(tail.headers.get('cache-control') ?? '', /no-store/)
  assert.equal(tail.headers.get('x-accel-buffering'), 'no')
  await theirs.send('GET', '/files?name=other')
  const { id } = await mine.stored('hello', { filename: 'secret name.txt' })
  await mine.send('GET', `/files/${id}?key=abc&name=hidden`)
  const told = await tail.take(3)
  assert.deepEqual(
    told.map(({ event, data }) => [event, data.method, data.route, data.status]),
    [
      ['request', 'POST', '/tus', 201],
      ['request', 'GET', '/admin/v1/files/:id', 200],
      ['request', 'GET', '/admin/v1/files/:id', 200],
    ],
  )
  assert.deepEqual([told[0]?.data.bytesIn, told[1]?.data.fileId], [5, id])
  assert.ok(!/secret|hidden|abc|other|ek_/.test(JSON.stringify(told)))
})

/** An upload whose client leaves once the server has begun to take it. */
async function breakOff(client: AdminClient): Promise<void> {
  const gone = new AbortController()
  const body = new ReadableStream({ start: (controller) => controller.enqueue(Buffer.alloc(1000)) })
  const headers = {
    authorization: `Bearer ${client.key}`,
    'tus-resumable': '1.0.0',
    'upload-length': '5000',
    'content-type': 'application/offset+octet-stream',
  }
  const init = { method: 'POST', headers, body, signal: gone.signal, duplex: 'half' }
  const sent = fetch(`${server.url}/tus`, init as RequestInit).catch(() => undefined)
  assert.ok(await until(10_000, async () => (await client.listAll('state=pending')).length > 0))
  gone.abort()
  await sent
}

test('a refusal is told with its code, a link with its file, and a request that broke off as such', async () => {
  const mine = await clientOf('admin', 'refused')
  await using tail = await tailOf(mine)
  await mine.send('GET', '/files?limit=0')
  const client = new LightfieldClient({ url: server.url, key: mine.key } as TestServer)
  const { id } = await client.stored('hello')
  await fetch(await client.link(id))
  await breakOff(mine)
  const told = await tail.until(({ data }) => data.isComplete === false)
  assert.equal(told[0]?.data.code, 'field_invalid')
  const link = told.find(({ data }) => data.method === 'GET' && data.route.startsWith('/transfer/'))
  assert.deepEqual([link?.data.fileId === null, link?.data.bytesOut], [false, 5], JSON.stringify(told))
  assert.ok((told.at(-1)?.data.bytesIn ?? 0) >= 1000)
})

test('an operator is told of everybody, also of those whose key is wrong, or of one organization', async () => {
  const theirs = await clientOf('admin', 'everybody')
  await using all = await tailOf(operator)
  await using one = await tailOf(operator, '?organization=everybody')
  await fetch(`${server.url}/admin/v1/files`, { headers: { authorization: 'Bearer wrong' } })
  await fetch(`${server.url}/nowhere?key=ek_abc`)
  await fetch(`${server.url}/healthz`)
  await theirs.send('GET', '/files')
  assert.deepEqual(
    (await all.take(3)).map(({ data }) => [data.route, data.status, data.code, data.organizationId === null]),
    [
      ['/admin/v1/files', 401, 'unauthenticated', true],
      ['none', 404, 'route_unknown', true],
      ['/admin/v1/files', 200, null, false],
    ],
  )
  assert.deepEqual(
    (await one.take(1)).map(({ data }) => data.status),
    [200],
  )
  const { status, body } = await (await clientOf('admin')).send('GET', '/tail?organization=everybody')
  assert.deepEqual([status, body.code, body.field], [400, 'field_invalid', 'organization'])
})

test('the tail ends soon after its key', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { organization, project } = await server.newTenant('revoked')
  const of = { organizationId: organization.id, projectIds: [project.id], role: 'admin' } as const
  const key = await server.newKey(of)
  await using tail = await tailOf(new AdminClient({ url: server.url, key }))
  t.mock.timers.tick(10_000)
  const { metadata, clock } = server.app.services
  const found = await metadata.findKey(hashSecret(key))
  await metadata.commit([{ kind: 'key.revoke', id: found?.id ?? '', revokedAt: clock.now() }])
  t.mock.timers.tick(10_000)
  assert.deepEqual(await tail.rest(), [{ event: 'end', data: { reason: 'access-ended' } }])
})

test('while nobody can tell whether a key is still good, the tail ends without a reason', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  await using tail = await tailOf(await clientOf('admin'))
  const { metadata } = server.app.services
  t.mock.method(metadata, 'findKey', () => Promise.reject(new StoreError('unavailable', 'away')))
  t.mock.timers.tick(10_000)
  assert.deepEqual(await tail.rest(), [])
})

test('calls of gRPC are told, and counted', async (t) => {
  const own = await TestServer.start({ ...withGrpc, ENTREPOT_ROOT_KEY: ROOT_KEY })
  t.after(() => own.stop())
  await using tail = await SseReader.open(`${own.url}/admin/v1/tail`, ROOT_KEY)
  const grpc = new YandexClient(own.grpcAddress, `Api-Key ${ROOT_KEY}`)
  t.after(() => grpc.close())
  await assert.rejects(grpc.get('unknown'))
  const [call] = await tail.take(1)
  assert.deepEqual(
    [call?.data.method, call?.data.route, call?.data.status, call?.data.organizationId === null],
    ['gRPC', '/yandex.cloud.ai.files.v1.FileService/Get', 'NOT_FOUND', false],
  )
  await runJobs(own)
  const { body } = await new AdminClient({ url: own.url, key: ROOT_KEY }).send<{
    series: { requests: number }[]
  }>('GET', '/usage')
  assert.equal(body.series.at(-1)?.requests, 1)
})

test('a stop ends the tail with a word, and does not wait for watchers', async () => {
  const own = await TestServer.start({ ENTREPOT_ROOT_KEY: ROOT_KEY })
  const tail = await SseReader.open(`${own.url}/admin/v1/tail`, ROOT_KEY)
  const stopped = own.stop()
  const events = await tail.rest()
  assert.deepEqual(events.at(-1), { event: 'end', data: { reason: 'stopping' } })
  await stopped
})

test('whoever asks for the head of the tail, or closes its half of the connection, takes no place', async () => {
  const mine = await clientOf('admin', 'quiet')
  const ask = async (method: string) => {
    const connection = await RawConnection.open(server.url)
    connection.write(
      `${method} /admin/v1/tail HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${mine.key}\r\n\r\n`,
    )
    await connection.until(/\r\n\r\n/)
    return connection
  }
  for (let asked = 0; asked < 9; asked++) {
    const head = await ask('HEAD')
    assert.match(head.received, /^HTTP\/1.1 405 .*\r\nallow: GET\r\n/is)
    head.end()
    const watch = await ask('GET')
    assert.match(watch.received, /^HTTP\/1.1 200 /)
    watch.finish('')
    assert.match(await watch.closed(), /\r\n0\r\n\r\n$/)
  }
})

test('an organization has a bounded number of watchers, whose places come free', async () => {
  const mine = await clientOf('admin', 'crowd')
  const tails = await Promise.all(Array.from({ length: 8 }, () => tailOf(mine)))
  const { status, body, headers } = await mine.send<ProblemAnswer>('GET', '/tail')
  assert.deepEqual([status, body.code], [429, 'rate_limited'])
  assert.ok(Number(headers.get('retry-after')) > 0)
  await Promise.all(tails.map((tail) => tail.close()))
  await until(10_000, async () => {
    const again = await fetch(`${server.url}/admin/v1/tail`, {
      headers: { authorization: `Bearer ${mine.key}` },
    })
    await again.body?.cancel()
    return again.status === 200
  })
})
