/** Organizations, projects, keys and quotas, by who asks. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AdminClient, type ProblemAnswer } from '../../test/admin-client.ts'
import { TestServer } from '../../test/harness.ts'
import type { Answer } from '../../test/lightfield-client.ts'
import { RawConnection } from '../../test/raw-http.ts'
import type { MadeBody } from './keys/schemas.ts'
import type { OrganizationBody } from './organizations/schemas.ts'
import type { ProjectBody } from './projects/schemas.ts'
import type { QuotaBody } from './quotas/schemas.ts'

const UNKNOWN = '00000000-0000-4000-8000-000000000000'

let server: TestServer
let operator: AdminClient
let admin: AdminClient
let member: AdminClient

before(async () => {
  server = await TestServer.start()
  const clientOf = async (role: 'operator' | 'admin' | 'member') =>
    new AdminClient({ url: server.url, key: await server.newKey({ role }) })
  operator = await clientOf('operator')
  admin = await clientOf('admin')
  member = await clientOf('member')
})
after(() => server.stop())

interface Made {
  readonly key: MadeBody['key']
  readonly secret: string
}

async function done<T>(answer: Promise<Answer<T>>, status = 200): Promise<T> {
  const { body, text, status: told } = await answer
  assert.equal(told, status, text)
  return body
}

async function refused(answer: Promise<Answer<ProblemAnswer>>, expected: readonly unknown[]): Promise<void> {
  const { body, text } = await answer
  assert.deepEqual([body.status, body.code, body.field], [...expected, undefined].slice(0, 3), text)
}

const newKey = (body: object, by = admin) => by.send<Made>('POST', '/keys', body)

function clientWith(key: string): AdminClient {
  return new AdminClient({ url: server.url, key })
}

test('a key is made with a secret that works, is listed without it, and is refused once it is revoked', async () => {
  const { key, secret } = await done(newKey({ name: 'worker' }), 201)
  assert.deepEqual([key.name, key.role, key.scopes, key.user], ['worker', 'member', [], null])
  assert.deepEqual([key.organization.slug, key.projects.map(({ slug }) => slug)], ['default', ['default']])
  assert.deepEqual([key.fidelity, key.expiresAt, key.revokedAt], [null, null, null])
  assert.equal((await clientWith(secret).send('GET', '/files')).status, 200)
  const { text } = await admin.send('GET', '/keys')
  assert.ok(text.includes(key.id) && !text.includes(secret))
  assert.deepEqual(await done(admin.send('GET', `/keys/${key.id}`)), key)
  for (let i = 0; i < 2; i++) assert.equal((await admin.send('DELETE', `/keys/${key.id}`)).status, 204)
  await refused(clientWith(secret).send('GET', '/files'), [401, 'unauthenticated'])
  const after = await done(admin.send<Made['key']>('GET', `/keys/${key.id}`))
  assert.notEqual(after.revokedAt, null)
  await refused(admin.send('DELETE', `/keys/${UNKNOWN}`), [404, 'key_not_found'])
})

test('a key has no more than its maker: neither role, nor scope, nor project, nor time', async () => {
  await refused(newKey({ name: 'a', role: 'operator' }) as never, [403, 'role_missing', 'role'])
  await refused(newKey({ name: 'a', projects: ['nowhere'] }) as never, [400, 'field_invalid', 'projects'])
  await refused(newKey({ name: 'a', organization: UNKNOWN }) as never, [400, 'field_invalid', 'organization'])
  const scoped = clientWith(await server.newKey({ scopes: ['files:read', 'files:create'] }))
  const scopes = ['files:delete']
  await refused(newKey({ name: 'a', scopes }, scoped) as never, [403, 'scope_missing', 'scopes'])
  await refused(newKey({ name: 'a', scopes: [] }, scoped) as never, [403, 'scope_missing', 'scopes'])
  const own = await done(newKey({ name: 'a' }, scoped), 201)
  assert.deepEqual(own.key.scopes, ['files:read', 'files:create'])
  const expiresAt = new Date(server.clock.now() + 3_600_000).toISOString()
  const ending = clientWith(await server.newKey({ expiresAt: Date.parse(expiresAt) }))
  assert.equal((await done(newKey({ name: 'a' }, ending), 201)).key.expiresAt, expiresAt)
  for (const later of [null, '2100-01-01T00:00:00Z'])
    await refused(newKey({ name: 'a', expiresAt: later }, ending) as never, [
      400,
      'field_invalid',
      'expiresAt',
    ])
})

test('what is wrong with a new key is told by its field', async () => {
  for (const [body, code, field] of [
    [{}, 'field_missing', 'name'],
    [{ name: ' a' }, 'field_invalid', 'name'],
    [{ name: 'x'.repeat(256) }, 'field_invalid', 'name'],
    [{ name: 'a', nmae: 'b' }, 'field_unknown', 'nmae'],
    [{ name: 'a', role: 'root' }, 'field_invalid', 'role'],
    [{ name: 'a', role: 'viewer', scopes: ['files:create'] }, 'field_invalid', 'scopes'],
    [{ name: 'a', scopes: ['files:all'] }, 'field_invalid', 'scopes'],
    [{ name: 'a', projects: [] }, 'field_invalid', 'projects'],
    [{ name: 'a', projects: 'default' }, 'field_invalid', 'projects'],
    [{ name: 'a', expiresAt: '2020-01-01T00:00:00Z' }, 'field_invalid', 'expiresAt'],
    [{ name: 'a', expiresAt: 'tomorrow' }, 'field_invalid', 'expiresAt'],
    [{ name: 'a', user: '' }, 'field_invalid', 'user'],
    [{ name: 'a', fidelity: 'loose' }, 'field_invalid', 'fidelity'],
  ] as const)
    await refused(newKey(body) as never, [400, code, field])
})

test('a key that ends is refused from that instant on, with the sessions that were opened with it', async () => {
  const expiresAt = new Date(server.clock.now() + 60_000).toISOString()
  const { key, secret } = await done(newKey({ name: 'short', role: 'viewer', expiresAt }), 201)
  assert.deepEqual([key.expiresAt, key.scopes], [expiresAt, ['files:read']])
  const opened = await fetch(`${server.url}/llamacloud/session`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}` },
  })
  const [cookie = ''] = opened.headers.get('set-cookie')?.split(';') ?? []
  const statuses = async () => [
    (await clientWith(secret).send('GET', '/files')).status,
    (await fetch(`${server.url}/admin/v1/files`, { headers: { cookie } })).status,
  ]
  assert.deepEqual(await statuses(), [200, 200])
  server.clock.advance({ seconds: 59 })
  assert.deepEqual(await statuses(), [200, 200])
  server.clock.advance({ seconds: 1 })
  assert.deepEqual(await statuses(), [401, 401])
})

test('a request whose body comes once its key or session has ended does nothing', async () => {
  for (const isSession of [false, true]) {
    const { key, secret } = await done(newKey({ name: 'leaver', role: 'admin' }), 201)
    const opened = await admin.send('POST', '/sessions', { key: secret })
    const [cookie = ''] = opened.headers.get('set-cookie')?.split(';') ?? []
    const body = JSON.stringify({ name: 'left behind', role: 'admin' })
    const connection = await RawConnection.open(server.url)
    const credentials = isSession
      ? [`Cookie: ${cookie}`, `Origin: ${server.url}`]
      : [`Authorization: Bearer ${secret}`]
    const head = [
      ...['POST /admin/v1/keys HTTP/1.1', 'Host: files', ...credentials, 'Content-Type: application/json'],
      ...[`Content-Length: ${body.length}`, 'Expect: 100-continue', 'Connection: close', '', ''],
    ]
    connection.write(head.join('\r\n') + body.slice(0, 1))
    await connection.until(/ 100 /)
    await admin.send('DELETE', `/keys/${key.id}`)
    connection.write(body.slice(1))
    assert.match(await connection.closed(), /^HTTP\/1.1 401 /m)
    const { text } = await admin.send('GET', '/keys')
    assert.ok(!text.includes('left behind'))
  }
})

test('an admin does not revoke the key of an operator', async () => {
  const { key } = await done(newKey({ name: 'mine', role: 'operator' }, operator), 201)
  await refused(admin.send('DELETE', `/keys/${key.id}`), [403, 'role_missing'])
  assert.equal((await operator.send('DELETE', `/keys/${key.id}`)).status, 204)
})

test('operators make organizations, and act in each of them', async () => {
  await refused(admin.send('POST', '/organizations', { slug: 'acme' }), [403, 'role_missing'])
  const acme = await done(operator.send<OrganizationBody>('POST', '/organizations', { slug: 'acme' }), 201)
  assert.deepEqual([acme.projects, acme.usage, acme.quota.bytes], [1, { files: 0, bytes: 0 }, null])
  await refused(operator.send('POST', '/organizations', { slug: 'acme' }), [409, 'name_taken', 'slug'])
  for (const slug of [UNKNOWN, '*', '.', '..']) {
    await refused(operator.send('POST', '/organizations', { slug }), [400, 'field_invalid', 'slug'])
    await refused(operator.send('POST', '/projects', { slug }), [400, 'field_invalid', 'slug'])
  }
  const all = await done(operator.send<{ organizations: OrganizationBody[] }>('GET', '/organizations'))
  assert.deepEqual(
    all.organizations.map(({ slug }) => slug),
    ['acme', 'default'],
  )
  const own = await done(admin.send<{ organizations: OrganizationBody[] }>('GET', '/organizations'))
  assert.deepEqual(
    own.organizations.map(({ slug }) => slug),
    ['default'],
  )
  const project = { slug: 'reports', organization: 'acme' }
  await refused(admin.send('POST', '/projects', project), [400, 'field_invalid', 'organization'])
  const reports = await done(operator.send<ProjectBody>('POST', '/projects', project), 201)
  assert.equal(reports.organization.id, acme.id)
  const asked = { name: 'a', organization: acme.id, projects: ['reports'] }
  const { key, secret } = await done(newKey(asked, operator), 201)
  assert.deepEqual(key.projects, [{ id: reports.id, slug: 'reports' }])
  assert.equal((await clientWith(secret).stored('bytes of acme')).project.slug, 'reports')
  await refused(admin.send('GET', `/keys/${key.id}`), [404, 'key_not_found'])
  assert.equal((await done(operator.send<OrganizationBody>('GET', '/organizations/acme'))).usage.files, 1)
})

test('an admin makes projects and uses them at once; a member sees those of its key', async () => {
  await done(admin.send('POST', '/projects', { slug: 'drafts' }), 201)
  await refused(member.send('POST', '/projects', { slug: 'more' }), [403, 'role_missing'])
  await refused(admin.send('POST', '/projects', { slug: 'drafts' }), [409, 'name_taken', 'slug'])
  assert.equal((await admin.stored('text', { project: 'drafts' })).project.slug, 'drafts')
  const slugsOf = async (client: AdminClient) =>
    (await done(client.send<{ projects: ProjectBody[] }>('GET', '/projects'))).projects.map(
      ({ slug }) => slug,
    )
  assert.deepEqual([await slugsOf(admin), await slugsOf(member)], [['default', 'drafts'], ['default']])
  await refused(member.send('GET', '/projects?organization=*'), [403, 'role_missing'])
  await refused(member.send('GET', '/keys'), [403, 'role_missing'])
})

test('the pages of a member tell of its own projects alone, also where they end', async () => {
  const tenant = await server.newTenant('pages')
  const theirs = clientWith(
    await server.newKey({ organizationId: tenant.organization.id, projectIds: [tenant.project.id] }),
  )
  for (const slug of ['b-theirs', 'c-mine', 'd-theirs', 'e-mine', 'f-theirs'])
    await done(theirs.send('POST', '/projects', { slug }), 201)
  const { secret } = await done(newKey({ name: 'pager', projects: ['c-mine', 'e-mine'] }, theirs), 201)
  const found: string[] = []
  for (let after: string | null = ''; after !== null; ) {
    const query: string = `/projects?limit=1&after=${after}`
    const page = await done(
      clientWith(secret).send<{ projects: ProjectBody[]; next: string | null }>('GET', query),
    )
    found.push(...page.projects.map(({ slug }) => slug))
    after = page.next
    assert.doesNotMatch(Buffer.from(after ?? '', 'base64url').toString(), /theirs|default/)
    assert.equal(page.projects.length, 1)
  }
  assert.deepEqual(found, ['c-mine', 'e-mine'])
})

test('quotas are set for projects by admins and for organizations by operators, and hold', async () => {
  const quotasOf = (client: AdminClient) => client.send<{ quotas: QuotaBody[] }>('GET', '/quotas')
  const [organization, project] = (await done(quotasOf(admin))).quotas
  assert.deepEqual([organization?.holder, project?.slug], ['organization', 'default'])
  const path = `/quotas/projects/${project?.id}`
  const set = await done(admin.send<QuotaBody>('PUT', path, { files: 0, bytes: null }))
  assert.deepEqual(set.quota, { files: 0, bytes: null })
  const { id } = await admin.stored('x', { project: 'drafts' })
  const copy = admin.send('POST', `/files/${id}/copies`, { project: 'default' })
  await refused(copy, [402, 'quota_exceeded'])
  await done(admin.send('PUT', path, { files: null, bytes: null }))
  for (const [body, code, field] of [
    [{ files: 1 }, 'field_missing', 'bytes'],
    [{ files: -1, bytes: null }, 'field_invalid', 'files'],
    [{ files: 1.5, bytes: null }, 'field_invalid', 'files'],
    [{ files: null, bytes: '5GB' }, 'field_invalid', 'bytes'],
  ] as const)
    await refused(admin.send('PUT', path, body), [400, code, field])
  const whole = `/quotas/organizations/${organization?.id}`
  await refused(admin.send('PUT', whole, { files: null, bytes: null }), [403, 'role_missing'])
  assert.equal((await done(operator.send<QuotaBody>('PUT', whole, { files: 9, bytes: null }))).quota.files, 9)
  await done(operator.send('PUT', whole, { files: null, bytes: null }))
  await refused(admin.send('PUT', `/quotas/projects/${UNKNOWN}`, { files: null, bytes: null }), [
    404,
    'project_not_found',
  ])
})

test('lists are paged, each in its order, and no cursor leads into another list', async () => {
  const ids: string[] = []
  for (let after = ''; ; ) {
    const page = await done(
      admin.send<{ keys: Made['key'][]; next: string | null }>('GET', `/keys?limit=2&after=${after}`),
    )
    ids.push(...page.keys.map(({ id }) => id))
    if (page.next === null) break
    after = page.next
    await refused(admin.send('GET', `/projects?after=${after}`), [400, 'field_invalid', 'after'])
  }
  const { keys } = await done(admin.send<{ keys: Made['key'][] }>('GET', '/keys?limit=1000'))
  assert.ok(ids.length > 5)
  assert.deepEqual(
    ids,
    keys.map(({ id }) => id),
  )
  const first = await done(admin.send<{ projects: ProjectBody[]; next: string }>('GET', '/projects?limit=1'))
  const rest = await done(admin.send<{ projects: ProjectBody[] }>('GET', `/projects?after=${first.next}`))
  assert.deepEqual(
    [...first.projects, ...rest.projects].map(({ slug }) => slug),
    ['default', 'drafts'],
  )
})
