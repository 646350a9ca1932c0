import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { filePart } from '../../../test/llamacloud-client.ts'
import { MISTRAL_FILES, MistralClient, placesOf } from '../../../test/mistral-client.ts'

let server: TestServer
let client: MistralClient

before(async () => {
  server = await TestServer.start()
  client = new MistralClient(server)
})
after(() => server.stop())

async function get(id: string, headers: Record<string, string> = {}) {
  const url = `${server.url}${MISTRAL_FILES}/${id}/content`
  const response = await fetch(url, { headers: { authorization: `Bearer ${server.key}`, ...headers } })
  const { status } = response
  return { status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) }
}

test('content is the very bytes, as an octet stream and 200, whatever the file is', async () => {
  const content = randomBytes(300_000)
  const { id } = (await client.upload([{ ...filePart(content, 'page é.html'), type: 'text/html' }])).body
  const { status, headers, bytes } = await get(id)
  assert.deepEqual([status, headers.get('content-type')], [200, 'application/octet-stream'])
  assert.deepEqual(bytes, content)
  assert.match(
    headers.get('content-disposition') ?? '',
    /^attachment; .*filename\*=UTF-8''page%20%C3%A9\.html/,
  )
  const empty = await client.stored('', 'empty.txt')
  assert.deepEqual((await get(empty.id)).bytes, Buffer.alloc(0))
})

test('a client that asks for a range gets it', async () => {
  const { id } = await client.stored('0123456789')
  const { status, headers, bytes } = await get(id, { range: 'bytes=2-4' })
  assert.deepEqual([status, String(bytes)], [206, '234'])
  assert.equal(headers.get('content-range'), 'bytes 2-4/10')
  assert.equal((await get(id, { range: 'bytes=10-' })).status, 416)
})

test('a URL needs no key and has the real type; it ends with its hours, and with its file', async () => {
  const { id } = (await client.upload([{ ...filePart('<p>', 'page.html'), type: 'text/html' }])).body
  const url = await client.url(id)
  assert.ok(url.startsWith(`${server.url}/transfer/`))
  const response = await fetch(url)
  assert.deepEqual([response.status, await response.text()], [200, '<p>'])
  assert.equal(response.headers.get('content-type'), 'text/html')
  const shortest = await client.url(id, '?expiry=1')
  server.clock.advance({ hours: 1, seconds: 1 })
  assert.equal((await fetch(shortest)).status, 403)
  assert.equal((await fetch(url)).status, 200)
  server.clock.advance({ hours: 23 })
  assert.equal((await fetch(url)).status, 403)
  const longest = await client.url(id, '?expiry=168')
  server.clock.advance({ hours: 167 })
  assert.equal((await fetch(longest)).status, 200)
  assert.equal((await client.delete(id)).status, 200)
  assert.equal((await fetch(longest)).status, 404)
})

test('the life of a URL is a whole number of hours from 1 to 168', async () => {
  const { id } = await client.stored()
  const wrong = { 0: 'greater_than_equal', 169: 'less_than_equal', '1.5': 'int_parsing', x: 'int_parsing' }
  for (const [expiry, type] of Object.entries(wrong))
    assert.deepEqual(placesOf(await client.get(`/${id}/url?expiry=${expiry}`)), [`query.expiry ${type}`])
})

test('a deleted file is gone in every way, and says so once', async () => {
  const { id } = await client.stored()
  const { status, text } = await client.delete(id)
  assert.deepEqual([status, JSON.parse(text)], [200, { id, object: 'file', deleted: true }])
  for (const path of ['', '/content', '/url']) {
    const answer = await client.get(`/${id}${path}`)
    assert.deepEqual([answer.status, answer.text], [404, '{"detail":"File not found"}'], path)
  }
  assert.equal((await client.delete(id)).status, 404)
})
