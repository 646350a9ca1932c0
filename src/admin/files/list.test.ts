import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AdminClient } from '../../../test/admin-client.ts'
import { dialectClients } from '../../../test/dialect-clients.ts'
import { TestServer } from '../../../test/harness.ts'
import { storedFile } from '../../../test/stored-file.ts'
import { TusClient } from '../../../test/tus-client.ts'
import { createProject } from '../../core/access/tenants.ts'
import type { CreateFile } from '../../core/files/create-file.ts'
import type { FileBody } from './schemas.ts'

interface Page {
  readonly files: readonly FileBody[]
  readonly next: string | null
}

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

/** A key of an organization of its own, which has these projects. */
async function newTenant(slug: string, others: readonly string[] = []) {
  const { organization, project } = await server.newTenant(slug)
  const projectIds = [project.id]
  for (const name of others)
    projectIds.push((await createProject(server.app.services, organization.id, name)).id)
  const key = await server.newKey({ organizationId: organization.id, projectIds })
  return { client: new AdminClient({ url: server.url, key }), key, projectIds }
}

async function listed(client: AdminClient, query: string): Promise<readonly FileBody[]> {
  const { status, body, text } = await client.send<Page>('GET', `/files?${query}`)
  assert.equal(status, 200, text)
  return body.files
}

async function namesOf(client: AdminClient, query: string): Promise<string[]> {
  return (await listed(client, query)).map(({ name }) => name)
}

/** One after the other, a millisecond apart. */
async function storeAll(key: string, all: readonly (Partial<CreateFile> & { content?: string })[]) {
  const ids: string[] = []
  for (const { content, ...fields } of all) {
    ids.push((await storedFile(server, key, fields, content)).id)
    server.clock.advance({ ms: 1 })
  }
  return ids
}

const day = (n: number) => new Date(server.clock.now() + n * 24 * 3600 * 1000).toISOString()

test('filters leave what fits all of them', async () => {
  const { client, key } = await newTenant('filters')
  const start = server.clock.now()
  await storeAll(key, [
    { name: 'a.csv', mimeType: 'text/csv', content: 'x'.repeat(10) },
    {
      name: 'b.png',
      mimeType: 'IMAGE/png; q=1',
      content: 'x'.repeat(20),
      expiry: { policy: 'at', afterMs: 3_600_000 },
    },
    {
      name: 'c.jpg',
      mimeType: 'image/jpeg',
      content: 'x'.repeat(30),
      expiry: { policy: 'since-created', ttlDays: 9 },
    },
  ])
  const made = (ms: number) => new Date(start + ms).toISOString()
  for (const [query, names] of [
    ['type=text/csv', ['a.csv']],
    ['type=image/*', ['c.jpg', 'b.png']],
    ['type=Image/PNG', ['b.png']],
    ['type=image/gif', []],
    ['expires=never', ['a.csv']],
    [`expires=before&expiresBefore=${day(1)}`, ['b.png']],
    [`expiresBefore=${day(10)}`, ['c.jpg', 'b.png']],
    ['minSize=20', ['c.jpg', 'b.png']],
    ['maxSize=20', ['b.png', 'a.csv']],
    ['minSize=11&maxSize=29', ['b.png']],
    [`createdAfter=${made(1)}`, ['c.jpg', 'b.png']],
    [`createdBefore=${made(2)}`, ['b.png', 'a.csv']],
    [`createdAfter=${made(1)}&createdBefore=${made(2)}`, ['b.png']],
    ['name=.&type=image/*&minSize=30', ['c.jpg']],
  ] as const)
    assert.deepEqual(await namesOf(client, query), names, query)
})

test('each sort goes on behind the page before, in either order, ties by the id', async () => {
  const { client, key } = await newTenant('sorts')
  const names = ['b', 'B', 'ä', '', 'z'.repeat(3000), '\u{1f4c4}', '\uffee', 'b', 'é'.repeat(800)]
  const ids = await storeAll(
    key,
    names.map((name, at) => ({ name, content: 'x'.repeat(at % 3) })),
  )
  const files = ids.map((id, at) => ({ id, name: names[at] ?? '', size: at % 3 }))
  const bytes = ({ name }: { name: string }) => Buffer.from(name)
  const sorted = {
    created: ids,
    size: files.toSorted((a, b) => a.size - b.size || (a.id < b.id ? -1 : 1)).map(({ id }) => id),
    name: files
      .toSorted((a, b) => Buffer.compare(bytes(a), bytes(b)) || (a.id < b.id ? -1 : 1))
      .map(({ id }) => id),
  }
  for (const [sort, expected] of Object.entries(sorted))
    for (const limit of [1, 2, 100]) {
      assert.deepEqual(await client.listAll(`sort=${sort}&order=asc&limit=${limit}`), expected)
      assert.deepEqual(await client.listAll(`sort=${sort}&order=desc&limit=${limit}`), expected.toReversed())
    }
  assert.deepEqual(await client.listAll('sort=name'), sorted.name)
  assert.deepEqual(await client.listAll('sort=size'), sorted.size.toReversed())
  assert.deepEqual(await client.listAll(''), ids.toReversed())
})

test('uploads that wait for their bytes are sorted, too', async () => {
  const { client, key } = await newTenant('pending-sorts')
  for (const [length, filename] of [
    [7, 'b'],
    [9, 'a'],
    [8, 'c'],
  ] as const)
    await new TusClient({ url: server.url, key }).created(length, { filename })
  assert.deepEqual(await namesOf(client, 'state=pending&sort=name'), ['a', 'b', 'c'])
  assert.deepEqual(await namesOf(client, 'state=pending&sort=size&order=asc'), ['b', 'c', 'a'])
})

test('all projects of the key are one list', async () => {
  const { client, key, projectIds } = await newTenant('projects', ['second', 'third', 'empty'])
  const [first = '', second = '', third = ''] = projectIds
  const spread = [first, second, second, third, first, third, third, third, second, first]
  const ids = await storeAll(
    key,
    spread.map((projectId, at) => ({ projectId, name: `${(at * 7) % 10}`, content: 'x'.repeat(at % 2) })),
  )
  for (const limit of [1, 3, 4, 100]) {
    assert.deepEqual(await client.listAll(`project=*&order=asc&limit=${limit}`), ids)
    const byName = (await client.listAll(`project=*&sort=name&limit=${limit}`)).map((id) => ids.indexOf(id))
    assert.deepEqual(
      byName.map((at) => (at * 7) % 10),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    )
  }
  assert.equal((await client.listAll('project=*&sort=size&limit=2')).length, 10)
  const files = await listed(client, 'project=*&maxSize=0&limit=2')
  assert.deepEqual(
    files.map(({ id, project }) => [id, project.id]),
    [
      [ids[8], second],
      [ids[6], third],
    ],
  )
  // Another key of the organization has but one of them.
  const other = await newTenant('stranger')
  assert.deepEqual(await other.client.listAll('project=*'), [])
})

test('any form of an id finds its file in the list, and no other', async () => {
  const { client, key, projectIds } = await newTenant('ids', ['second'])
  const [id = '', another = ''] = await storeAll(key, [{}, { projectId: projectIds[1] ?? '' }])
  for (const form of [id, `dfl-${id}`, `file-${id.replaceAll('-', '')}`])
    assert.deepEqual(await client.listAll(`id=${form}`), [id])
  assert.deepEqual(await client.listAll(`id=${another}`), [])
  assert.deepEqual(await client.listAll(`project=*&id=${another}`), [another])
  for (const none of ['x', `${id}0`, '01890000-0000-7000-8000-0000000000ff'])
    assert.deepEqual(await client.listAll(`id=${none}`), [])
  assert.deepEqual(await client.listAll(`id=${id}&type=image/*`), [])
  const foreign = await newTenant('foreign-ids')
  assert.deepEqual(await foreign.client.listAll(`id=${id}`), [])
})

test('a file keeps through which API it came, whoever lists it', async () => {
  const { client, key } = await newTenant('origins')
  const offered = { name: 'a.txt', mimeType: 'text/plain', content: 'hello', days: 1 }
  for (const each of dialectClients({ url: server.url, key })) {
    await each.create(offered)
    const [id, ...others] = await client.listAll(`dialect=${each.dialect}`)
    assert.deepEqual(others, [])
    assert.equal((await client.get(id ?? '')).body.dialect, each.dialect)
    const { body } = await client.send<FileBody>('POST', `/files/${id}/copies`, {})
    assert.equal(body.dialect, 'admin')
  }
  assert.deepEqual(await client.listAll('dialect=nobody'), [])
})

test('a cursor of another list is refused', async () => {
  const { client, key } = await newTenant('cursors', ['second'])
  await storeAll(key, [{}, {}])
  const { body } = await client.send<Page>('GET', '/files?sort=name&limit=1')
  assert.equal((await client.send('GET', `/files?sort=name&after=${body.next}`)).status, 200)
  for (const query of ['', 'sort=size', 'sort=name&order=desc', 'sort=name&minSize=1', 'sort=name&project=*'])
    for (const after of [body.next, 'x', Buffer.from('["x",1,"y"]').toString('base64url')]) {
      const { status, body: problem } = await client.send('GET', `/files?${query}&after=${after}`)
      assert.deepEqual([status, problem.field], [400, 'after'], query)
    }
})

test('bad filters are refused by name', async () => {
  const { client } = await newTenant('bad-filters')
  for (const [query, field] of [
    ['type=csv', 'type'],
    ['type=*/*', 'type'],
    ['type=text/', 'type'],
    [`dialect=${'x'.repeat(256)}`, 'dialect'],
    ['expires=soon', 'expires'],
    ['expires=before', 'expiresBefore'],
    [`expires=never&expiresBefore=${day(1)}`, 'expiresBefore'],
    ['expiresBefore=tomorrow', 'expiresBefore'],
    ['minSize=-1', 'minSize'],
    ['maxSize=1e3', 'maxSize'],
    ['maxSize=9007199254740993', 'maxSize'],
    ['createdAfter=2026-02-31T00:00:00Z', 'createdAfter'],
    ['createdBefore=1', 'createdBefore'],
    ['sort=type', 'sort'],
    ['sort=name&sort=size', 'sort'],
    ['size=1', 'size'],
  ] as const) {
    const { status, body } = await client.send('GET', `/files?${query}`)
    assert.deepEqual([status, body.field], [400, field], query)
  }
})
