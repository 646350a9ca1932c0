import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AdminClient } from '../../../test/admin-client.ts'
import { TestServer } from '../../../test/harness.ts'
import { LightfieldClient } from '../../../test/lightfield-client.ts'
import { withToken } from '../../../test/link-token.ts'
import { MAX_LINK_SECONDS, MAX_LINKS_PER_FILE, MIN_LINK_SECONDS } from '../../core/links/file-links.ts'
import { jobsOf } from '../../jobs/jobs.ts'
import type { LinkBody } from './schemas.ts'

const UNKNOWN = '01890000-0000-7000-8000-0000000000ff'

let server: TestServer
let admin: AdminClient
before(async () => {
  server = await TestServer.start()
  admin = new AdminClient(server)
})
after(() => server.stop())

async function made(id: string, expiresInSeconds = 3600): Promise<LinkBody> {
  const { status, body, text } = await admin.send<LinkBody>('POST', `/files/${id}/links`, {
    expiresInSeconds,
  })
  assert.equal(status, 201, text)
  return body
}

async function listed(id: string): Promise<LinkBody[]> {
  const { status, body, text } = await admin.send<{ links: LinkBody[]; next: null }>(
    'GET',
    `/files/${id}/links`,
  )
  assert.equal(status, 200, text)
  assert.equal(body.next, null)
  return body.links
}

async function bytesAt(url: string): Promise<string | number> {
  const answer = await fetch(url)
  const text = await answer.text()
  return answer.status === 200 ? text : answer.status
}

test('a link downloads the file without a key until its time is over', async () => {
  const { id } = await admin.stored('Hello', { filename: 'hello world.txt' })
  const link = await made(id, 90)
  assert.match(link.url, /\/transfer\/[\w-]{84}\/hello%20world\.txt$/)
  assert.equal(Date.parse(link.expiresAt) - Date.parse(link.createdAt), 90_000)
  assert.deepEqual(await listed(id), [link])
  const answer = await fetch(link.url, { method: 'HEAD' })
  assert.match(answer.headers.get('content-disposition') ?? '', /^attachment;/)
  server.clock.advance({ seconds: 89 })
  assert.equal(await bytesAt(link.url), 'Hello')
  server.clock.advance({ seconds: 1 })
  assert.equal(await bytesAt(link.url), 403)
  assert.deepEqual(await listed(id), [])
})

test('a link that is ended is refused at once, and the others of the file go on', async () => {
  const { id } = await admin.stored('Hello')
  const [first, second] = [await made(id), await made(id)]
  assert.equal((await admin.send('DELETE', `/files/${id}/links/${first.id}`)).status, 204)
  assert.equal(await bytesAt(first.url), 403)
  assert.equal(await bytesAt(second.url), 'Hello')
  assert.deepEqual(await listed(id), [second])
  const again = await admin.send('DELETE', `/files/${id}/links/${first.id}`)
  assert.deepEqual([again.status, again.body.code], [404, 'link_not_found'])
})

test('a link is ended only by the address of its own file', async () => {
  const [one, other] = [await admin.stored('one'), await admin.stored('other')]
  const link = await made(one.id)
  for (const [file, linkId] of [
    [other.id, link.id],
    [one.id, 'x'],
    [one.id, '%00'],
    [one.id, UNKNOWN],
  ] as const) {
    const { status, body } = await admin.send('DELETE', `/files/${file}/links/${linkId}`)
    assert.deepEqual([status, body.code], [404, 'link_not_found'], linkId)
  }
  assert.equal(await bytesAt(link.url), 'one')
})

test('a link ends with its file, and is listed until the end of the file at most', async () => {
  const { id } = await admin.stored('Hello')
  const link = await made(id, MAX_LINK_SECONDS)
  const end = new Date(server.clock.now() + 600_000).toISOString()
  assert.equal((await admin.change(id, { expiresAt: end })).status, 200)
  assert.deepEqual(
    (await listed(id)).map(({ expiresAt }) => expiresAt),
    [end],
  )
  assert.equal((await made(id)).expiresAt, end)
  assert.equal((await admin.send('DELETE', `/files/${id}`)).status, 204)
  assert.equal(await bytesAt(link.url), 403)
  assert.equal(await server.app.services.metadata.findLink(link.id), undefined)
  const after = await admin.send('GET', `/files/${id}/links`)
  assert.deepEqual([after.status, after.body.code], [404, 'file_not_found'])
})

test('a link keeps its address when the file is renamed, and downloads under the new name', async () => {
  const { id } = await admin.stored('Hello', { filename: 'a.txt' })
  const link = await made(id)
  await admin.change(id, { name: 'b.txt' })
  const disposition = (await fetch(link.url)).headers.get('content-disposition') ?? ''
  assert.match(disposition, /filename="b.txt"/)
  const [now] = await listed(id)
  assert.equal(now?.url, link.url.replace('a.txt', 'b.txt'))
})

test('a link is good for downloads alone, and no other token of its row is', async () => {
  const { id } = await admin.stored('<script>', { filename: 'a.html', filetype: 'text/html' })
  const link = await made(id)
  assert.equal((await fetch(link.url, { method: 'PUT', body: 'x' })).status, 403)
  const answer = await fetch(link.url)
  assert.equal(answer.headers.get('content-type'), 'application/octet-stream')
  await answer.text()
  const turned = (byte: number, bit: number) =>
    withToken(link.url, (token) => {
      const bytes = Buffer.from(token, 'base64url')
      bytes[byte] = (bytes[byte] ?? 0) ^ bit
      return bytes.toString('base64url')
    })
  // Version, use, id of the row, end, and signature.
  for (const byte of [0, 1, 6, 27, 30, 40]) assert.equal(await bytesAt(turned(byte, 1)), 403, `byte ${byte}`)
})

test('the life of a link has bounds', async () => {
  const { id } = await admin.stored('Hello')
  for (const expiresInSeconds of [MIN_LINK_SECONDS - 1, MAX_LINK_SECONDS + 1, 60.5, '60', null]) {
    const { status, body } = await admin.send('POST', `/files/${id}/links`, { expiresInSeconds })
    assert.deepEqual([status, body.code, body.field], [400, 'field_invalid', 'expiresInSeconds'])
  }
  const { body } = await admin.send('POST', `/files/${id}/links`, { expiresInSeconds: 60, for: 'x' })
  assert.deepEqual([body.code, body.field], ['field_unknown', 'for'])
  await made(id, MIN_LINK_SECONDS)
  await made(id, MAX_LINK_SECONDS)
})

test('a file has a bounded number of links at a time, however many are made at once', async () => {
  const { id } = await admin.stored('Hello')
  const answers = await Promise.all(
    Array.from({ length: MAX_LINKS_PER_FILE + 5 }, () =>
      admin.send('POST', `/files/${id}/links`, { expiresInSeconds: 60 }),
    ),
  )
  const refused = answers.filter(({ status }) => status !== 201)
  assert.deepEqual(
    refused.map(({ status, body }) => [status, body.code]),
    Array.from({ length: 5 }, () => [409, 'links_too_many']),
  )
  assert.equal((await listed(id)).length, MAX_LINKS_PER_FILE)
  // Those that are over do not count.
  server.clock.advance({ seconds: 60 })
  await made(id)
})

test('only keys that may both read and change files make links, and other projects see none', async () => {
  const { id } = await admin.stored('Hello')
  const link = await made(id)
  const keyOf = async (given: Parameters<TestServer['newKey']>[0]) =>
    new AdminClient({ url: server.url, key: await server.newKey(given) })
  const attempts = async (client: AdminClient) => [
    (await client.send('POST', `/files/${id}/links`, { expiresInSeconds: 60 })).body?.code,
    (await client.send('GET', `/files/${id}/links`)).body?.code,
    (await client.send('DELETE', `/files/${id}/links/${link.id}`)).body?.code,
  ]
  const lacks = 'scope_missing'
  assert.deepEqual(await attempts(await keyOf({ scopes: ['files:read'] })), [lacks, undefined, lacks])
  assert.deepEqual((await attempts(await keyOf({ scopes: ['files:update'] }))).slice(0, 2), [lacks, lacks])
  const stranger = new AdminClient({ url: server.url, key: (await server.newTenant('strangers')).key })
  assert.deepEqual(await attempts(stranger), ['file_not_found', 'file_not_found', 'file_not_found'])
})

test('an upload that waits for its bytes has no links', async () => {
  const { id } = await new LightfieldClient(server).pending()
  const { status, body } = await admin.send('POST', `/files/${id}/links`, { expiresInSeconds: 60 })
  assert.deepEqual([status, body.code], [404, 'file_not_found'])
})

test('rows of links that are over are removed', async () => {
  const { services } = server.app
  const { id } = await admin.stored('Hello')
  const [short, long] = [await made(id, 60), await made(id, 3600)]
  server.clock.advance({ seconds: 60 })
  const job = jobsOf(services).find(({ name }) => name.includes('links')) ?? assert.fail('no job')
  await job.run()
  assert.equal(await services.metadata.findLink(short.id), undefined)
  assert.equal((await services.metadata.findLink(long.id))?.fileId, id)
})
