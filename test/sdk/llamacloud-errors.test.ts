import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import {
  APIError,
  AuthenticationError,
  InternalServerError,
  LlamaCloud,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  toFile,
} from '@llamaindex/llama-cloud'
import { createProject } from '../../src/core/access/tenants.ts'
import { AnsweringProxy, type CannedAnswer } from '../answering-proxy.ts'
import { TestServer } from '../harness.ts'
import { idsOf, refusal, sdkFor } from './llamacloud-sdk.ts'

let server: TestServer
let proxy: AnsweringProxy

before(async () => {
  server = await TestServer.start()
  proxy = await AnsweringProxy.start(server.url)
})
after(async () => {
  await proxy.stop()
  await server.stop()
})

async function create(client: LlamaCloud, project_id?: string) {
  const file = await toFile(Buffer.from('mine'), 'mine.txt')
  return client.files.create({ file, purpose: 'user_data', ...(project_id ? { project_id } : {}) })
}

/** A file of another organization; everything of it is out of reach. */
async function foreign() {
  const tenant = await server.newTenant(`tenant-${randomUUID()}`)
  const client = sdkFor({ url: server.url, key: tenant.key })
  return { ...tenant, client, file: await create(client) }
}

test('a wrong key and no key are told apart, and both are no authentication', async () => {
  const wrong = sdkFor(server, { apiKey: 'llx-wrong' })
  for (const call of [() => wrong.files.list(), () => create(wrong), () => wrong.files.query({})]) {
    const error = await refusal(call(), AuthenticationError)
    assert.deepEqual(error.error, { detail: 'Invalid API key' })
    assert.equal(error.headers.get('www-authenticate'), 'Bearer')
  }
  // An empty key sends no header at all.
  const error = await refusal(sdkFor(server, { apiKey: '' }).files.list(), AuthenticationError)
  assert.deepEqual(error.error, { detail: 'Not authenticated' })
})

test('a key that is revoked no longer opens anything', async () => {
  const client = sdkFor({ url: server.url, key: await server.newKey({ name: 'doomed' }) })
  await client.files.list()
  const { metadata } = server.app.services
  const doomed = (await metadata.listKeys()).find(({ name }) => name === 'doomed')
  await metadata.commit([{ kind: 'key.revoke', id: doomed?.id ?? '', revokedAt: server.clock.now() }])
  await refusal(client.files.list(), AuthenticationError)
})

test('another tenant’s file is not there, whatever is done with it', async () => {
  const { file, client } = await foreign()
  const { files } = sdkFor(server)
  const calls = [() => files.retrieve(file.id), () => files.content(file.id), () => files.delete(file.id)]
  for (const call of calls) {
    const error = await refusal(call(), NotFoundError)
    assert.deepEqual(error.error, { detail: 'File not found' })
  }
  assert.deepEqual((await files.list({ file_ids: [file.id] })).items, [])
  assert.equal((await files.query({ filter: { file_ids: [file.id] } })).total_size, 0)
  assert.equal((await client.files.retrieve(file.id)).id, file.id)
})

test('a project that the key may not use is forbidden, whether or not there is one', async () => {
  const { project, organization } = await foreign()
  const { files } = sdkFor(server)
  for (const project_id of [project.id, randomUUID()]) {
    const calls = [
      () => files.list({ project_id }),
      () => files.retrieve(randomUUID(), { project_id }),
      () => files.content(randomUUID(), { project_id }),
      () => files.delete(randomUUID(), { project_id }),
      () => files.query({ project_id }),
      () => files.query({ filter: { project_id } }),
      () => create(sdkFor(server), project_id),
    ]
    for (const call of calls) {
      const error = await refusal(call(), PermissionDeniedError)
      assert.deepEqual(error.error, { detail: `This API key has no access to project ${project_id}` })
    }
  }
  await refusal(files.list({ organization_id: organization.id }), PermissionDeniedError)
})

test('an organization without a project is the one of the key, or forbidden; with a project both must match', async () => {
  const tenant = await foreign()
  const { metadata } = server.app.services
  const own = await metadata.findOrganization('default')
  const project = await metadata.findProject(own?.id ?? '', 'default')
  const client = sdkFor(server)
  const { id } = await create(client)
  for (const organization_id of [own?.id ?? '', 'default']) {
    const file = await toFile(Buffer.from('mine'), 'mine.txt')
    const made = await client.files.create({ file, purpose: 'user_data', organization_id })
    assert.equal(made.project_id, project?.id)
    assert.equal((await client.files.retrieve(id, { organization_id })).id, id)
    assert.ok((await client.files.content(id, { organization_id })).url)
    assert.ok(idsOf((await client.files.list({ organization_id })).items).includes(id))
    assert.equal((await client.files.query({ organization_id, filter: { file_ids: [id] } })).total_size, 1)
    await client.files.delete(made.id, { organization_id })
  }
  for (const organization_id of [tenant.organization.id, tenant.organization.slug, randomUUID()]) {
    for (const scope of [{ organization_id }, { organization_id, project_id: project?.id ?? '' }]) {
      const file = await toFile(Buffer.from('mine'), 'mine.txt')
      for (const call of [
        () => client.files.create({ file, purpose: 'user_data', ...scope }),
        () => client.files.list(scope),
        () => client.files.query(scope),
        () => client.files.retrieve(id, scope),
        () => client.files.content(id, scope),
        () => client.files.delete(id, scope),
      ]) {
        const error = await refusal(call(), PermissionDeniedError)
        const detail = `This API key has no access to organization ${organization_id}`
        assert.deepEqual(error.error, { detail })
      }
    }
  }
  assert.equal((await client.files.retrieve(id)).id, id)
})

test('a key of two projects works in the one that is named, by UUID or slug', async () => {
  const { metadata } = server.app.services
  const organization = await metadata.findOrganization('default')
  const organizationId = organization?.id ?? ''
  const one = await createProject(server.app.services, organizationId, 'one')
  server.clock.advance({ seconds: 1 })
  const two = await createProject(server.app.services, organizationId, 'two')
  const key = await server.newKey({ projectIds: [one.id, two.id] })
  const client = sdkFor({ url: server.url, key })
  const first = await create(client)
  const second = await create(client, two.id)
  assert.deepEqual([first.project_id, second.project_id], [one.id, two.id])
  assert.deepEqual(idsOf((await client.files.list()).items), [first.id])
  for (const project_id of [two.id, 'two'])
    assert.deepEqual(idsOf((await client.files.list({ project_id, organization_id: 'default' })).items), [
      second.id,
    ])
  assert.deepEqual(idsOf((await client.files.query({ filter: { project_id: one.id } })).items), [first.id])
  await refusal(
    client.files.query({ project_id: two.id, filter: { project_id: one.id } }),
    PermissionDeniedError,
  )
  // Without a named project the id alone says which file is meant; with one it must be there.
  assert.equal((await client.files.retrieve(second.id)).id, second.id)
  for (const verb of ['retrieve', 'content', 'delete'] as const)
    await refusal(client.files[verb](second.id, { project_id: one.id }), NotFoundError)
  assert.deepEqual((await client.files.list({ file_ids: [second.id] })).items, [])
  const other = sdkFor({ url: server.url, key: await server.newKey({ projectIds: [one.id] }) })
  await refusal(other.files.retrieve(second.id), NotFoundError)
  const projects: unknown = await client.get('/api/v1/projects')
  assert.deepEqual(
    (projects as { name: string; is_default: boolean }[]).map(({ name, is_default }) => [name, is_default]),
    [
      ['one', true],
      ['two', false],
    ],
  )
})

test('a key without the scope is forbidden what it lacks', async () => {
  const { files } = sdkFor({ url: server.url, key: await server.newKey({ scopes: ['files:read'] }) })
  await files.list()
  await refusal(files.delete(randomUUID()), PermissionDeniedError)
  await refusal(
    create(sdkFor({ url: server.url, key: await server.newKey({ scopes: ['files:read'] }) })),
    PermissionDeniedError,
  )
  const writer = sdkFor({ url: server.url, key: await server.newKey({ scopes: ['files:create'] }) })
  await create(writer)
  await refusal(writer.files.list(), PermissionDeniedError)
})

/** Quick, so that the SDK's own rules of waiting cost the test nothing. */
const atOnce = { 'retry-after-ms': '1' }
const retried: readonly (readonly [string, CannedAnswer])[] = [
  ['429 with Retry-After', { status: 429, headers: { 'retry-after': '0' } }],
  ['503', { status: 503, headers: atOnce }],
  ['409', { status: 409, headers: atOnce }],
  ['408', { status: 408, headers: atOnce }],
]
for (const [what, answer] of retried) {
  test(`after ${what} the SDK tries again and gets one file`, async () => {
    proxy.answerNext(answer, answer)
    const name = `${what}.txt`
    const client = sdkFor({ url: proxy.url, key: server.key }, { maxRetries: 5 })
    const file = await client.files.create({
      file: await toFile(Buffer.from(what), name),
      purpose: 'user_data',
    })
    assert.deepEqual(proxy.tries, ['0', '1', '2'])
    assert.deepEqual(idsOf((await client.files.list({ file_name: name })).items), [file.id])
  })
}

test('a refusal of ours is not tried again', async () => {
  proxy.answerNext()
  const client = sdkFor({ url: proxy.url, key: server.key }, { maxRetries: 5 })
  await refusal(client.files.retrieve(randomUUID()), NotFoundError)
  await refusal(client.files.create({ file: await toFile(Buffer.from(''), 'x'), purpose: 'parse' }), APIError)
  assert.deepEqual(proxy.tries, ['0', '0'])
})

test('the SDK waits as long as a rate limit of ours tells it, and then succeeds', async (t) => {
  const limited = await TestServer.start({ ENTREPOT_RATE_LIMITS: '1' })
  const gate = await AnsweringProxy.start(limited.url)
  t.after(async () => {
    await gate.stop()
    await limited.stop()
  })
  const impatient = sdkFor(limited)
  await impatient.files.list()
  const error = await refusal(impatient.files.list(), RateLimitError)
  assert.equal(error.headers.get('retry-after'), '1')
  assert.match(String((error.error as { detail: string }).detail), /limit reached.* 1 second/)
  const start = performance.now()
  // The clock of the server stands; it moves once the refusal is on its way.
  setTimeout(() => limited.clock.advance({ seconds: 1 }), 200)
  await sdkFor({ url: gate.url, key: limited.key }, { maxRetries: 5 }).files.list()
  assert.deepEqual(gate.tries, ['0', '1'])
  assert.ok(performance.now() - start >= 900)
})

test('a fault of ours is tried again as often as allowed, then told with an id', async (t) => {
  const broken = await TestServer.start()
  const gate = await AnsweringProxy.start(broken.url)
  t.after(async () => {
    await gate.stop()
    await broken.stop()
  })
  const client = sdkFor({ url: gate.url, key: broken.key }, { maxRetries: 1 })
  const { id } = await create(client)
  gate.answerNext()
  t.mock.method(broken.app.services.metadata, 'findFile', async () => {
    throw new Error('the disk is on fire')
  })
  const error = await refusal(client.files.retrieve(id), InternalServerError)
  assert.deepEqual(gate.tries, ['0', '1'])
  const correlation = error.headers.get('x-request-id')
  assert.match(String(correlation), /^[0-9a-f-]{36}$/)
  assert.deepEqual(error.error, { detail: `Internal error, correlation ID ${correlation}` })
})

test('the base URL may have the dialect as a prefix', async () => {
  const client = new LlamaCloud({ apiKey: server.key, baseURL: `${server.url}/llamacloud` })
  const file = await create(client)
  assert.equal((await client.files.retrieve(file.id)).id, file.id)
  assert.equal((await sdkFor(server).files.retrieve(file.id)).id, file.id)
  await client.files.delete(file.id)
})
