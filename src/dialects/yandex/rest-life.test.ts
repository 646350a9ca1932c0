import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { done, type StatusBody, YANDEX_FILES, YandexRest } from '../../../test/yandex-rest.ts'

let server: TestServer
let client: YandexRest
before(async () => {
  server = await TestServer.start()
  client = new YandexRest(server)
})
after(() => server.stop())

test('get shows what create showed', async () => {
  const made = await client.stored('x', { name: 'Отчёт', labels: { ключ: 'да' } })
  assert.deepEqual(done(await client.get(made.id)), made)
})

test('update changes what the mask names, in either spelling, and nothing else', async () => {
  const { id } = await client.stored('x', { name: 'old', description: 'kept', labels: { a: 'b' } })
  server.clock.advance({ seconds: 1 })
  for (const [maskKey, path] of [
    ['updateMask', 'expirationConfig.ttlDays'],
    ['update_mask', 'expiration_config.ttl_days'],
    ['updateMask', 'expiration_config.ttl_days'],
    ['update_mask', 'expirationConfig.ttlDays'],
  ] as const) {
    const change = {
      [maskKey]: `name,${path}`,
      name: 'new',
      description: 'ignored',
      expirationConfig: { ttlDays: '3' },
    }
    const file = done(await client.update(id, change))
    assert.deepEqual([file.name, file.description, file.labels], ['new', 'kept', { a: 'b' }])
    assert.equal(Date.parse(file.expiresAt ?? '') - Date.parse(file.createdAt), 3 * 86_400_000)
    assert.ok(file.updatedAt > file.createdAt)
    done(await client.update(id, { updateMask: 'name,expirationConfig', name: 'old' }))
  }
  const cleared = done(await client.update(id, { update_mask: 'labels,description' }))
  assert.deepEqual([cleared.labels, cleared.description, cleared.name], [{}, '', 'old'])
})

test('fewer days than have passed end a file at once', async (t) => {
  const own = await TestServer.start()
  t.after(() => own.stop())
  const theirs = new YandexRest(own)
  const { id, createdAt } = await theirs.stored()
  own.clock.advance({ days: 2 })
  const change = { updateMask: 'expirationConfig.ttlDays', expirationConfig: { ttlDays: 1 } }
  const last = done(await theirs.update(id, change))
  assert.equal(Date.parse(last.expiresAt ?? '') - Date.parse(createdAt), 86_400_000)
  assert.equal((await theirs.get(id)).status, 404)
})

test('the id in the path wins over one in the body', async () => {
  const [mine, other] = [
    await client.stored('x', { name: 'mine' }),
    await client.stored('x', { name: 'other' }),
  ]
  const file = done(await client.update(mine.id, { fileId: other.id, updateMask: 'name', name: 'new' }))
  assert.equal(file.id, mine.id)
  assert.equal(done(await client.get(other.id)).name, 'other')
})

test('an update without a mask, or of what cannot change, is refused and changes nothing', async () => {
  const made = await client.stored('x', { name: 'kept' })
  for (const body of [
    {},
    { name: 'new' },
    { updateMask: '', name: 'new' },
    { updateMask: 'name,mimeType', name: 'new' },
    { updateMask: 'id' },
    { updateMask: 'content' },
    { updateMask: 'name', update_mask: 'name', name: 'new' },
    { updateMask: ['name'], name: 'new' },
    { updateMask: 'name', name: 'new', content: 'eA==' },
    { updateMask: 'name', name: 'new', mimeType: 'text/plain' },
  ]) {
    const answer = await client.update<StatusBody>(made.id, body)
    assert.deepEqual([answer.status, answer.body.code], [400, 3], JSON.stringify(body))
  }
  assert.deepEqual(done(await client.get(made.id)), made)
})

test('the URL of a file needs no credentials, whatever way its verb is written, and ends with the file', async () => {
  const { id } = await client.stored('test file', { mimeType: 'text/markdown' })
  const urls = []
  for (const verb of [':getUrl', '%3AgetUrl', '%3agetUrl']) {
    for (const parameter of ['fileId', 'file_id']) {
      const path = `${YANDEX_FILES}${verb}?${parameter}=${id}`
      for (const prefix of ['', '/yandex'])
        urls.push(done(await client.ask<{ url: string }>('GET', prefix + path)).url)
    }
  }
  for (const url of urls) {
    const answer = await fetch(url)
    assert.equal(await answer.text(), 'test file')
    assert.equal(answer.headers.get('content-type'), 'text/markdown')
    assert.equal(answer.headers.get('etag'), '"f20d9f2072bbeb6691c0f9c5099b01f3"')
  }
  const deleted = await client.delete(id)
  assert.deepEqual([deleted.status, deleted.text], [200, '{}'])
  for (const url of urls) assert.equal((await fetch(url)).status, 404)
  assert.equal((await client.delete(id)).body.code, 5)
  assert.equal((await client.get<StatusBody>(id)).body.code, 5)
})

test('a colon that is written %3A in an id or a token is no verb', async () => {
  assert.equal((await client.get<StatusBody>('x%3AgetUrl')).status, 404)
  const token = Buffer.from('2026-04-08T12:00:00.000000@fvt0').toString('base64')
  const answer = await client.list<StatusBody>(`folderId=default&pageToken=${token}%3A`)
  assert.deepEqual([answer.status, answer.body.message], [400, 'page_token: malformed'])
})

test('a listing has a token with every page that has files, and ends with an empty page', async () => {
  const { project, key } = await server.newTenant('lists')
  const theirs = new YandexRest(server, `Bearer ${key}`)
  const made: string[] = []
  for (let i = 0; i < 5; i++) made.unshift((await theirs.stored('x', { folderId: project.id })).id)
  for (const [pageSize, folder, size, token] of [
    [1, 'folderId', 'pageSize', 'pageToken'],
    [2, 'folder_id', 'page_size', 'page_token'],
    [1000, 'folderId', 'page_size', 'pageToken'],
  ] as const) {
    const seen: string[] = []
    let pageToken = ''
    do {
      const query = new URLSearchParams({
        [folder]: project.id,
        [size]: String(pageSize),
        [token]: pageToken,
      })
      const page = done(await theirs.list(query.toString()))
      assert.equal(page.nextPageToken !== '', page.files.length > 0)
      assert.ok(page.files.length <= pageSize)
      seen.push(...page.files.map(({ id }) => id))
      pageToken = page.nextPageToken
    } while (pageToken !== '')
    assert.deepEqual(seen.toSorted(), made.toSorted())
  }
})

test('a page token goes out in base64, so it has to be URL-encoded on its way back', async () => {
  const { project, key } = await server.newTenant('tokens')
  const theirs = new YandexRest(server, `Bearer ${key}`)
  for (let i = 0; i < 2; i++) await theirs.stored(String(i), { folderId: project.id })
  const first = done(await theirs.list(`folderId=${project.id}&pageSize=1`))
  assert.match(Buffer.from(first.nextPageToken, 'base64').toString(), /^2026-04-08T12:00:\d\d\.\d{6}@fvt/)
  const next = encodeURIComponent(first.nextPageToken)
  const second = done(await theirs.list(`folderId=${project.id}&pageSize=1&pageToken=${next}`))
  assert.equal(second.files.length, 1)
  assert.notEqual(second.files[0]?.id, first.files[0]?.id)
})

test('anybody may ask where the services are', async () => {
  const nobody = new YandexRest(server, undefined)
  interface Endpoint {
    readonly id: string
    readonly address: string
  }
  const { endpoints } = done(await nobody.ask<{ endpoints: Endpoint[] }>('GET', '/endpoints'))
  assert.deepEqual(
    endpoints.map(({ id }) => id),
    ['ai-files', 'endpoint'],
  )
  for (const endpoint of endpoints)
    assert.deepEqual(done(await nobody.ask<Endpoint>('GET', `/endpoints/${endpoint.id}`)), endpoint)
  assert.equal((await nobody.ask('GET', '/endpoints/iam')).body.code, 5)
})
