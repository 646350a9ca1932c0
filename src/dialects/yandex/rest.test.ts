import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'

const FILES = '/files/v1/files'
const CONTENT = Buffer.from('test file').toString('base64')

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

async function ask(method: string, path: string, body?: unknown, authorization?: string): Promise<Answer> {
  const response = await fetch(server.url + path, {
    method,
    headers: { authorization: authorization ?? `Api-Key ${server.key}` },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

async function create(more: object = {}): Promise<Record<string, unknown>> {
  const { status, body } = await ask('POST', FILES, { folderId: 'default', content: CONTENT, ...more })
  assert.equal(status, 200, JSON.stringify(body))
  return body
}

test('create takes every field in either spelling, whatever the content type says, content first or last', async () => {
  const camel = { name: 'report', description: 'd', mimeType: 'text/markdown', labels: { a: 'b' } }
  const first = await create({ ...camel, expirationConfig: { expirationPolicy: 'STATIC', ttlDays: '5' } })
  const body = {
    content: CONTENT,
    folder_id: 'default',
    mime_type: 'text/markdown',
    labels: { a: 'b' },
    name: 'report',
  }
  const expiration = { expiration_policy: 1, ttl_days: 5 }
  const { body: second } = await ask('POST', `/yandex${FILES}`, {
    ...body,
    description: 'd',
    expiration_config: expiration,
  })
  for (const file of [first, second]) {
    const { id, folderId, ...shown } = file
    assert.match(String(id), /^fvt[0-9a-v]{26}$/)
    assert.equal(typeof folderId, 'string')
    assert.deepEqual(shown, {
      ...camel,
      createdBy: 'admin',
      createdAt: '2026-04-08T12:00:00Z',
      updatedBy: 'admin',
      updatedAt: '2026-04-08T12:00:00Z',
      expirationConfig: { expirationPolicy: 'STATIC', ttlDays: '5' },
      expiresAt: '2026-04-13T12:00:00Z',
    })
  }
})

test('create deduces the type from the content, and lets files end seven days after their last activity', async () => {
  const { mimeType, name, expirationConfig } = await create()
  assert.equal(mimeType, 'text/plain')
  assert.equal(name, '')
  assert.deepEqual(expirationConfig, { expirationPolicy: 'SINCE_LAST_ACTIVE', ttlDays: '7' })
  const png = await create({
    content: Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').toString('base64'),
  })
  assert.equal(png.mimeType, 'image/png')
})

const violations: Readonly<
  Record<string, readonly [body: unknown, status: number, code: number, text: RegExp]>
> = {
  'no folder': [{ content: CONTENT }, 400, 3, /folder_id: field is required/],
  'no content': [{ folderId: 'default' }, 400, 3, /content: field is required/],
  'empty content': [{ folderId: 'default', content: '' }, 400, 3, /content: field is required/],
  'junk in base64': [{ folderId: 'default', content: 'dGVz!A==' }, 400, 3, /content: not valid base64/],
  'wrong padding': [{ folderId: 'default', content: 'dGVzdA=' }, 400, 3, /content: not valid base64/],
  'an unknown key': [{ folderId: 'default', content: CONTENT, bogus: 1 }, 400, 3, /bogus: unknown field/],
  'another folder': [{ folderId: 'other', content: CONTENT }, 403, 7, /Permission denied for folder other/],
  'days out of bounds': [
    { folderId: 'default', content: CONTENT, expirationConfig: { ttlDays: 366 } },
    400,
    3,
    /expiration_config.ttl_days/,
  ],
  'a body that is no JSON': ['{"folderId":', 400, 3, /JSON/],
  'content twice': [`{"folderId":"default","content":"${CONTENT}","content":"${CONTENT}"}`, 400, 3, /twice/],
}
for (const [name, [body, status, code, text]] of Object.entries(violations)) {
  test(`${name} is refused, and nothing is stored`, async () => {
    const before = await server.app.services.metadata.listReferencedBlobs(undefined, 1000)
    const answer = await ask('POST', FILES, body)
    assert.equal(answer.status, status)
    assert.equal(answer.body.code, code)
    assert.match(String(answer.body.message), text)
    assert.deepEqual(await server.app.services.metadata.listReferencedBlobs(undefined, 1000), before)
    const blobs = await Array.fromAsync(server.app.services.blobs.list())
    assert.deepEqual(
      blobs.filter(({ published }) => !published),
      [],
    )
  })
}

test('update changes what the mask names, in either spelling, and nothing else', async () => {
  const { id } = await create({ name: 'old', description: 'kept', labels: { a: 'b' } })
  const change = {
    updateMask: 'name,expirationConfig.ttlDays',
    name: 'new',
    description: 'ignored',
    expirationConfig: { ttlDays: '3' },
  }
  const { body } = await ask('PATCH', `${FILES}/${id}`, change)
  assert.deepEqual([body.name, body.description, body.expiresAt], ['new', 'kept', '2026-04-11T12:00:00Z'])
  const cleared = await ask('PATCH', `${FILES}/${id}`, { update_mask: 'labels,description' })
  assert.deepEqual([cleared.body.labels, cleared.body.description, cleared.body.name], [{}, '', 'new'])
  for (const updateMask of ['', 'mimeType', 'nonsense']) {
    assert.equal((await ask('PATCH', `${FILES}/${id}`, { updateMask })).status, 400)
  }
})

test('the URL of a file needs no credentials, and ends with the file', async () => {
  const { id } = await create()
  for (const path of [`${FILES}:getUrl`, `${FILES}%3AgetUrl`]) {
    const { body } = await ask('GET', `${path}?fileId=${id}`)
    assert.equal(await (await fetch(String(body.url))).text(), 'test file')
  }
  const { body } = await ask('GET', `${FILES}:getUrl?file_id=${id}`)
  assert.deepEqual(await ask('DELETE', `${FILES}/${id}`), { status: 200, body: {} })
  assert.equal((await fetch(String(body.url))).status, 404)
  assert.equal((await ask('DELETE', `${FILES}/${id}`)).body.code, 5)
})

test('a listing has a token with every page that has files, and ends with an empty page', async () => {
  const { project, key } = await server.newTenant('lists')
  const made = new Set<unknown>()
  for (let i = 0; i < 3; i++) {
    const { body } = await ask('POST', FILES, { folderId: project.id, content: CONTENT }, `Bearer ${key}`)
    made.add(body.id)
  }
  let token = ''
  for (let page = 0; page < 4; page++) {
    const query = `folderId=${project.id}&pageSize=1&pageToken=${encodeURIComponent(token)}`
    const { body } = await ask('GET', `${FILES}?${query}`, undefined, `Bearer ${key}`)
    const files = body.files as { id: string }[]
    assert.equal(files.length, page < 3 ? 1 : 0)
    for (const { id } of files) assert.ok(made.delete(id))
    token = String(body.nextPageToken)
    assert.equal(token !== '', page < 3)
  }
  assert.equal((await ask('GET', `${FILES}?folderId=default&pageToken=x`)).status, 400)
})

test('one file is there for every dialect, with its expiry', async () => {
  const { id } = await create({
    name: 'shared.txt',
    expirationConfig: { expirationPolicy: 'STATIC', ttlDays: 2 },
  })
  const lightfield = await fetch(`${server.url}/v1/files/${id}`, {
    headers: { authorization: `Bearer ${server.key}`, 'lightfield-version': '2026-03-01' },
  })
  assert.equal(((await lightfield.json()) as { filename: string }).filename, 'shared.txt')
  const llamacloud = await ask('GET', `/api/v1/beta/files/${id}`, undefined, `Bearer ${server.key}`)
  assert.equal(llamacloud.body.expires_at, '2026-04-10T12:00:00.000Z')
  server.clock.advance({ days: 2 })
  assert.equal((await ask('GET', `${FILES}/${id}`)).status, 404)
  assert.equal((await ask('GET', `/api/v1/beta/files/${id}`, undefined, `Bearer ${server.key}`)).status, 404)
})

test('a missing and a wrong key, a scope that is missing and an unknown address have the codes of google.rpc', async () => {
  assert.equal((await ask('GET', `${FILES}/x`, undefined, 'Api-Key wrong')).body.code, 16)
  const reader = await server.newKey({ scopes: ['files:read'] })
  assert.equal((await ask('DELETE', `${FILES}/x`, undefined, `Bearer ${reader}`)).body.code, 7)
  assert.deepEqual(
    [(await ask('GET', '/files/v1/nothing')).status, (await ask('GET', '/files/v1/nothing')).body.code],
    [404, 5],
  )
})

test('anybody may ask where the services are', async () => {
  const { endpoints } = (await (await fetch(`${server.url}/endpoints`)).json()) as {
    endpoints: { id: string }[]
  }
  assert.ok(endpoints.some(({ id }) => id === 'ai-files'))
})
