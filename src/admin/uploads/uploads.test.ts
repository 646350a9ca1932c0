import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AdminClient } from '../../../test/admin-client.ts'
import { TestServer } from '../../../test/harness.ts'
import { OpenAIClient } from '../../../test/openai-client.ts'
import { patch, TusClient } from '../../../test/tus-client.ts'
import { createProject } from '../../core/access/tenants.ts'
import type { UploadBody } from './schemas.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

interface Page {
  readonly uploads: readonly UploadBody[]
  readonly next: string | null
}

async function uploadsOf(client: AdminClient, query = ''): Promise<readonly UploadBody[]> {
  const { status, body, text } = await client.send<Page>('GET', `/uploads?${query}`)
  assert.equal(status, 200, text)
  return body.uploads
}

/** Of another organization. */
async function newClients(slug: string) {
  const tenant = await server.newTenant(slug)
  const by = { url: server.url, key: tenant.key }
  return { ...tenant, admin: new AdminClient(by), tus: new TusClient(by), openai: new OpenAIClient(by) }
}

test('an upload is listed with what has come of it, until it is whole', async () => {
  const { admin, tus } = await newClients('progress')
  const link = await tus.created(5, { filename: 'later.txt' })
  const [begun] = await uploadsOf(admin)
  assert.deepEqual(
    [begun?.name, begun?.state, begun?.announcedBytes, begun?.receivedBytes],
    ['later.txt', 'pending', 5, 0],
  )
  assert.equal(begun?.uploadExpiresAt, '2026-04-08T13:00:00.000Z')
  assert.equal((await patch(link, 0, 'hel')).status, 204)
  assert.deepEqual(
    (await uploadsOf(admin)).map(({ receivedBytes }) => receivedBytes),
    [3],
  )
  assert.equal((await patch(link, 3, 'lo')).status, 204)
  assert.deepEqual(await uploadsOf(admin), [])
})

test('what is not announced is null, and parts count as they come', async () => {
  const { admin, tus, openai } = await newClients('parts')
  await tus.create({ 'upload-defer-length': '1' })
  const [deferred] = await uploadsOf(admin)
  assert.deepEqual([deferred?.announcedBytes, deferred?.receivedBytes], [null, 0])
  assert.equal((await admin.send('DELETE', `/files/${deferred?.id}`)).status, 204)
  const { id } = await openai.upload(10)
  await openai.part(id, 'hello')
  const [parts] = await uploadsOf(admin)
  assert.deepEqual([parts?.announcedBytes, parts?.receivedBytes], [10, 5])
})

test('pages of uploads follow on each other, newest first, in one project or in all', async () => {
  const { admin, tus, organization } = await newClients('pages')
  const { services } = server.app
  const other = await createProject(services, organization.id, 'other')
  const ids: string[] = []
  for (const project of ['default', 'default', 'default']) {
    await tus.created(5, { project })
    server.clock.advance({ ms: 1 })
  }
  for (const upload of await uploadsOf(admin)) ids.push(upload.id)
  const paged: string[] = []
  for (let next: string | null = ''; next !== null; ) {
    const { body }: { body: Page } = await admin.send<Page>('GET', `/uploads?limit=2&after=${next}`)
    paged.push(...body.uploads.map(({ id }) => id))
    next = body.next
  }
  assert.deepEqual(paged, ids)
  assert.equal(ids.length, 3)
  const both = await server.newKey({
    organizationId: organization.id,
    projectIds: [(await services.metadata.findProject(organization.id, 'default'))?.id ?? '', other.id],
  })
  const wide = { url: server.url, key: both }
  await new TusClient(wide).created(5, { project: 'other' })
  assert.equal((await uploadsOf(new AdminClient(wide))).length, 3)
  assert.equal((await uploadsOf(new AdminClient(wide), 'project=other')).length, 1)
  assert.deepEqual(
    (await uploadsOf(new AdminClient(wide), 'project=*')).map(({ project }) => project.slug),
    ['other', 'default', 'default', 'default'],
  )
})

test('an upload is ended by its id, and what was kept of it is gone', async () => {
  const { admin, tus } = await newClients('cancel')
  const link = await tus.created(5)
  await patch(link, 0, 'hel')
  const [upload] = await uploadsOf(admin)
  assert.equal((await admin.send('DELETE', `/files/${upload?.id}`)).status, 204)
  assert.deepEqual(await uploadsOf(admin), [])
  assert.equal((await patch(link, 3, 'lo')).status, 410)
})

test('uploads whose time is over are not listed, nor do they shorten a page, before any job has seen them', async () => {
  const { admin, tus } = await newClients('over')
  const goesOn = await tus.created(5, { filename: 'goes on' })
  server.clock.advance({ ms: 1 })
  for (let i = 0; i < 3; i++) await tus.created(5)
  server.clock.advance({ minutes: 30 })
  assert.equal((await patch(goesOn, 0, 'hel')).status, 204)
  server.clock.advance({ minutes: 31 })
  const { body } = await admin.send<Page>('GET', '/uploads?limit=1')
  assert.deepEqual([body.uploads.map(({ name }) => name), body.next], [['goes on'], null])
})

test('uploads of others are not listed, and what cannot be meant is refused', async () => {
  const { admin } = await newClients('mine')
  const { tus } = await newClients('theirs')
  await tus.created(5)
  assert.deepEqual(await uploadsOf(admin, 'project=*'), [])
  for (const [query, status, code] of [
    ['project=elsewhere', 403, 'project_forbidden'],
    ['limit=0', 400, 'field_invalid'],
    ['limit=201', 400, 'field_invalid'],
    ['after=nonsense', 400, 'field_invalid'],
    ['state=pending', 400, 'field_unknown'],
  ] as const) {
    const answer = await admin.send('GET', `/uploads?${query}`)
    assert.deepEqual([answer.status, answer.body.code], [status, code], query)
  }
})
