import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AdminClient } from '../../../test/admin-client.ts'
import { TestServer } from '../../../test/harness.ts'
import { runJobs } from '../../../test/run-jobs.ts'
import { createProject } from '../../core/access/tenants.ts'
import { StoreError } from '../../core/errors.ts'

interface Point {
  readonly at: string
  readonly files: number | null
  readonly bytes: number | null
  readonly created: number | null
  readonly deleted: number | null
  readonly requests: number | null
  readonly bytesIn: number | null
  readonly bytesOut: number | null
}

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

async function newClient(slug: string) {
  const tenant = await server.newTenant(slug)
  return { ...tenant, client: new AdminClient({ url: server.url, key: tenant.key }) }
}

async function usage(client: AdminClient, query = ''): Promise<readonly Point[]> {
  const { status, body, text } = await client.send<{ series: Point[] }>('GET', `/usage?${query}`)
  assert.equal(status, 200, text)
  return body.series
}

test('hours tell what was held, what came and went, and what it took', async () => {
  const { client } = await newClient('hours')
  const { id } = await client.stored('hello')
  await client.stored('hello!')
  await runJobs(server)
  server.clock.advance({ hours: 1 })
  await client.send('DELETE', `/files/${id}`)
  await runJobs(server)
  server.clock.advance({ hours: 2 })
  const points = await usage(client, 'from=2026-04-08T12:00:00Z')
  assert.deepEqual(
    points.map(({ at, files, bytes, created, deleted }) => [
      at.slice(11, 13),
      files,
      bytes,
      created,
      deleted,
    ]),
    [
      ['12', 2, 11, 2, 0],
      ['13', 1, 6, 0, 1],
      ['14', 1, 6, 0, 0],
      ['15', 1, 6, 0, 0],
    ],
  )
  const [first, second, third] = points
  // Two uploads by tus, and a look at each.
  assert.equal(first?.requests, 4)
  assert.equal(first?.bytesIn, 11)
  assert.ok((first?.bytesOut ?? 0) > 200)
  assert.deepEqual([second?.requests, second?.bytesIn, second?.bytesOut], [1, 0, 0])
  assert.deepEqual([third?.requests, third?.bytesIn, third?.bytesOut], [0, 0, 0])
})

test('an hour that is noted late held what the hour before it held', async () => {
  const { client } = await newClient('late')
  await client.stored('hello')
  await runJobs(server)
  server.clock.advance({ hours: 1 })
  await client.send('GET', '/files')
  server.clock.advance({ hours: 1, minutes: 5 })
  await client.stored('hello!')
  await runJobs(server)
  assert.deepEqual(
    (await usage(client, 'hours=3')).map(({ files, requests }) => [files, (requests ?? 0) > 0]),
    [
      [1, true],
      [1, true],
      [2, true],
    ],
  )
})

test('an expired file is one that ended, and an upload counts from its announcement', async () => {
  const { client } = await newClient('expiring')
  const { id } = await client.stored('hello')
  const expiresAt = new Date(server.clock.now() + 1000).toISOString()
  await client.change(id, { expiresAt })
  server.clock.advance({ seconds: 2 })
  await runJobs(server)
  await runJobs(server)
  const [point] = (await usage(client)).slice(-1)
  assert.deepEqual([point?.created, point?.deleted, point?.files], [1, 1, 0])
})

test('a day is the sum of its hours, and ends as its last one', async () => {
  const { client } = await newClient('days')
  for (let hour = 0; hour < 30; hour += 10) {
    await client.stored('hello')
    await runJobs(server)
    server.clock.advance({ hours: 10 })
  }
  const hours = await usage(client, `from=${new Date(server.clock.now() - 48 * 3_600_000).toISOString()}`)
  const days = await usage(client, 'step=day')
  const sum = (points: readonly Point[]) => points.reduce((all, { created }) => all + (created ?? 0), 0)
  assert.equal(sum(days), 3)
  assert.equal(sum(hours), 3)
  assert.equal(days.at(-1)?.files, 3)
  assert.ok(days.every(({ at }) => at.endsWith('T00:00:00.000Z')))
})

test('before an organization existed it held nothing, and what was never counted is unknown', async () => {
  const { client, organization } = await newClient('before')
  await client.stored('hello')
  await runJobs(server)
  const from = new Date(server.clock.now() - 2 * 3_600_000).toISOString()
  const [before] = await usage(client, `from=${from}`)
  assert.deepEqual([before?.files, before?.requests], [0, 0])
  const { metadata, clock } = server.app.services
  await metadata.commit([{ kind: 'usage-hours.purge', before: clock.now() + 1 }])
  // As if it were from before a release that counts.
  const findOrganization = metadata.findOrganization.bind(metadata)
  metadata.findOrganization = async (id) => {
    const found = await findOrganization(id)
    return found && { ...found, createdAt: 0 }
  }
  const [unknown] = await usage(client, `from=${from}&organization=${organization.id}`)
  metadata.findOrganization = findOrganization
  assert.deepEqual([unknown?.files, unknown?.bytes, unknown?.requests], [null, null, null])
})

test('projects have their own hours, also those that nobody has touched', async () => {
  const { client, organization, project } = await newClient('projects')
  const other = await createProject(server.app.services, organization.id, 'other')
  await client.stored('hello')
  const key = await server.newKey({
    organizationId: organization.id,
    projectIds: [other.id],
    role: 'member',
    scopes: ['files:read', 'files:create'],
  })
  const member = new AdminClient({ url: server.url, key })
  await member.stored('other')
  await member.stored('other')
  await runJobs(server)
  const last = async (asking: AdminClient, query = '') => (await usage(asking, query)).at(-1)
  assert.equal((await last(client))?.files, 3)
  assert.equal((await last(client))?.created, 3)
  assert.equal((await last(client, `project=${project.id}`))?.created, 1)
  // Whoever is no admin has the projects of its key.
  assert.equal((await last(member))?.created, 2)
  const { status, body } = await member.send('GET', '/usage?project=default')
  assert.deepEqual([status, body.code], [403, 'project_forbidden'])
})

test('nobody sees the usage of another organization', async () => {
  const { client } = await newClient('mine')
  const { organization } = await newClient('theirs')
  for (const query of [`organization=${organization.id}`, `organization=theirs`, 'organization=unknown']) {
    const { status, body } = await client.send('GET', `/usage?${query}`)
    assert.deepEqual([status, body.code, body.field], [400, 'field_invalid', 'organization'])
  }
})

test('a length of time ends with the step that goes on', async () => {
  const { client } = await newClient('lengths')
  assert.equal((await usage(client, 'hours=7')).length, 7)
  const days = await usage(client, 'hours=2160&step=day')
  assert.equal(days.length, 90)
  assert.equal(days.at(-1)?.at.slice(0, 10), new Date(server.clock.now()).toISOString().slice(0, 10))
})

test('bad parameters are refused by name', async () => {
  const { client } = await newClient('parameters')
  for (const [query, field] of [
    ['from=yesterday', 'from'],
    ['from=2026-02-31T12:00:00Z', 'from'],
    ['to=1', 'to'],
    ['from=2026-04-08T12:00:00Z&to=2026-04-08T11:00:00Z', 'from'],
    ['from=2025-04-08T12:00:00Z', 'from'],
    ['hours=0', 'hours'],
    ['hours=24&from=2026-04-08T12:00:00Z', 'hours'],
    ['step=minute', 'step'],
    ['until=now', 'until'],
  ]) {
    const { status, body } = await client.send('GET', `/usage?${query}`)
    assert.deepEqual([query, status, body.field], [query, 400, field])
  }
})

test('what cannot be stored for a while is stored later', async (t) => {
  const { client } = await newClient('full')
  const { metadata } = server.app.services
  const commit = metadata.commit.bind(metadata)
  const full = t.mock.method(metadata, 'commit', async (changes: Parameters<typeof commit>[0]) => {
    if (changes.some(({ kind }) => kind === 'usage-hour.add')) throw new StoreError('full', 'no room')
    return commit(changes)
  })
  await client.stored('hello')
  await runJobs(server)
  assert.equal((await usage(client)).at(-1)?.created, 0)
  full.mock.restore()
  await runJobs(server)
  assert.equal((await usage(client)).at(-1)?.created, 1)
})

test('what is counted in memory is kept by a stop, and comes back', async () => {
  const own = await TestServer.start()
  try {
    const client = new AdminClient(own)
    await client.stored('hello')
    await own.restart()
    const [point] = (await usage(new AdminClient({ url: own.url, key: own.key }))).slice(-1)
    assert.deepEqual([point?.created, point?.requests, point?.bytesIn], [1, 2, 5])
  } finally {
    await own.stop()
  }
})
