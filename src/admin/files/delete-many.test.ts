import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AdminClient } from '../../../test/admin-client.ts'
import { TestServer } from '../../../test/harness.ts'
import { storedFile } from '../../../test/stored-file.ts'
import { TusClient } from '../../../test/tus-client.ts'
import { usageNow } from '../../../test/usage.ts'
import type { ResultBody } from './schemas.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

const deleteAll = (client: AdminClient, ids: readonly unknown[]) =>
  client.send<{ results: readonly ResultBody[] }>('POST', '/files:delete', { ids })

async function resultsOf(client: AdminClient, ids: readonly string[]): Promise<readonly ResultBody[]> {
  const { status, body, text } = await deleteAll(client, ids)
  assert.equal(status, 200, text)
  assert.deepEqual(
    body.results.map(({ id }) => id),
    ids,
  )
  return body.results
}

test('500 files go with one request, which counts as one, and free what they counted', async () => {
  const admin = new AdminClient(server)
  const before = await usageNow(server)
  const files = await Promise.all(Array.from({ length: 500 }, () => storedFile(server, admin.key)))
  const ids = files.map(({ id }) => id)
  const remaining = async () => Number((await deleteAll(admin, [])).headers.get('x-ratelimit-remaining'))
  const left = await remaining()
  assert.deepEqual(new Set((await resultsOf(admin, ids)).map(({ status }) => status)), new Set([204]))
  assert.ok(left - (await remaining()) <= 2)
  assert.deepEqual(await admin.listAll(''), [])
  assert.deepEqual(await usageNow(server), before)
})

test('each id is answered by itself: what is hidden, foreign, gone or unknown is not there', async () => {
  const { organization, project } = await server.newTenant('several')
  const member = (userId: string) =>
    server.newKey({ organizationId: organization.id, projectIds: [project.id], userId, role: 'member' })
  const [ada, bob] = [await member('ada'), await member('bob')]
  const hidden = await storedFile(server, ada, { visibility: 'subject' })
  const foreign = await storedFile(server, server.key)
  const [one, two, gone] = [
    await storedFile(server, ada),
    await storedFile(server, bob),
    await storedFile(server, bob),
  ]
  const client = new AdminClient({ url: server.url, key: bob })
  const upload = (await new TusClient({ url: server.url, key: bob }).create({ 'upload-length': '5' })).headers
  const pending = upload.get('entrepot-file-id') ?? ''
  assert.equal((await client.send('DELETE', `/files/${gone.id}`)).status, 204)
  const forms = [`file-${one.id.replaceAll('-', '')}`, two.id, pending]
  const results = await resultsOf(client, [hidden.id, ...forms, foreign.id, one.id, gone.id, 'x', ''])
  assert.deepEqual(
    results.map(({ status }) => status),
    [404, 204, 204, 204, 404, 404, 404, 404, 404],
  )
  const [refused] = results
  assert.deepEqual(refused, {
    id: hidden.id,
    status: 404,
    code: 'file_not_found',
    detail: 'There is no file with this ID.',
  })
  const owner = new AdminClient({ url: server.url, key: ada })
  assert.deepEqual(await owner.listAll(''), [hidden.id])
  assert.equal((await new AdminClient(server).get(foreign.id)).status, 200)
})

test('a file that changes meanwhile goes all the same, and keeps no other from going', async (t) => {
  const { key } = await server.newTenant('changing')
  const client = new AdminClient({ url: server.url, key })
  const files = [await storedFile(server, key), await storedFile(server, key), await storedFile(server, key)]
  const { metadata } = server.app.services
  const list = metadata.listFilesById.bind(metadata)
  t.mock.method(metadata, 'listFilesById', async (ids: readonly string[]) => {
    const found = await list(ids)
    assert.equal((await client.send('DELETE', `/files/${files[1]?.id}`)).status, 204)
    return found
  })
  const results = await resultsOf(
    client,
    files.map(({ id }) => id),
  )
  assert.deepEqual(
    results.map(({ status }) => status),
    [204, 404, 204],
  )
  assert.deepEqual(await client.listAll(''), [])
})

test('a key needs the scope, and the body its form', async () => {
  const client = new AdminClient(server)
  const reader = new AdminClient({ url: server.url, key: await server.newKey({ scopes: ['files:read'] }) })
  assert.equal((await deleteAll(reader, [])).status, 403)
  for (const [body, field] of [
    [{}, 'ids'],
    [{ ids: 'x' }, 'ids'],
    [{ ids: [7] }, 'ids'],
    [{ ids: Array.from({ length: 501 }, () => 'x') }, 'ids'],
    [{ ids: [], all: true }, 'all'],
  ] as const) {
    const { status, body: problem } = await client.send('POST', '/files:delete', body)
    assert.deepEqual([status, problem.field], [400, field])
  }
})
