import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  APIError,
  type LlamaCloud,
  NotFoundError,
  toFile,
  UnprocessableEntityError,
} from '@llamaindex/llama-cloud'
import { TestServer } from '../harness.ts'
import { withToken } from '../link-token.ts'
import { LlamaCloudClient } from '../llamacloud-client.ts'
import { idsOf, refusal, sdkFor } from './llamacloud-sdk.ts'

const CONTENT = '0123456789'
const HOUR_SECONDS = 3600
const WEEK_SECONDS = 604_800

let server: TestServer
let client: LlamaCloud

before(async () => {
  server = await TestServer.start()
  client = sdkFor(server)
})
after(() => server.stop())

async function create(purpose = 'user_data', name = 'digits.txt') {
  return client.files.create({ file: await toFile(Buffer.from(CONTENT), name), purpose })
}

function secondsFromNow(seconds: number): string {
  return new Date(server.clock.now() + seconds * 1000).toISOString()
}

async function statusOf(url: string, init?: RequestInit): Promise<number> {
  const response = await fetch(url, init)
  await response.arrayBuffer()
  return response.status
}

test('retrieve shows the file by any form of its id, with a link only when asked', async () => {
  const { download_url, ...created } = await create()
  const bare = created.id.slice('dfl-'.length)
  for (const id of [created.id, bare, bare.toUpperCase(), created.id.toUpperCase()]) {
    assert.deepEqual(await client.files.retrieve(id), { ...created, download_url: null })
  }
  const expanded = await client.files.retrieve(created.id, { expand: ['download_url'] })
  assert.deepEqual(expanded, {
    ...created,
    download_url: {
      url: expanded.download_url?.url,
      expires_at: secondsFromNow(HOUR_SECONDS),
      form_fields: null,
    },
  })
  assert.equal(await (await fetch(expanded.download_url?.url ?? '')).text(), CONTENT)
  server.clock.advance({ seconds: 1 })
  const again = await client.files.retrieve(created.id, { expand: ['download_url'] })
  assert.notEqual(again.download_url?.url, expanded.download_url?.url)
  assert.ok(download_url)
})

test('expand takes commas and does not mind what it does not know', async () => {
  const { id } = await create()
  for (const expand of [['markdown,download_url'], ['items', 'download_url']])
    assert.ok((await client.files.retrieve(id, { expand })).download_url)
  assert.equal((await client.files.retrieve(id, { expand: ['items'] })).download_url, null)
})

test('a link gives the bytes with and without a bearer header, whole or in part', async () => {
  const { id } = await create()
  const { url, form_fields } = await client.files.content(id)
  assert.equal(form_fields, null)
  assert.ok(url.startsWith(`${server.url}/`))
  for (const headers of [{}, { authorization: `Bearer ${server.key}` }, { authorization: 'Bearer nobody' }]) {
    const response = await fetch(url, { headers })
    assert.equal(await response.text(), CONTENT)
    assert.equal(response.headers.get('content-type'), 'text/plain')
    assert.equal(response.headers.get('content-length'), '10')
    assert.ok(response.headers.get('etag'))
    assert.equal(
      response.headers.get('content-disposition'),
      `attachment; filename="digits.txt"; filename*=UTF-8''digits.txt`,
    )
  }
  const part = await fetch(url, { headers: { range: 'bytes=2-4' } })
  assert.equal(part.status, 206)
  assert.equal(await part.text(), '234')
  const head = await fetch(url, { method: 'HEAD' })
  assert.deepEqual([head.status, head.headers.get('content-length')], [200, '10'])
})

test('a link lasts an hour, to the second', async () => {
  const { id } = await create()
  const { url, expires_at } = await client.files.content(id)
  assert.equal(expires_at, secondsFromNow(HOUR_SECONDS))
  server.clock.advance({ seconds: HOUR_SECONDS - 1 })
  assert.equal(await statusOf(url), 200)
  server.clock.advance({ seconds: 1 })
  assert.equal(await statusOf(url), 403)
  assert.equal(await statusOf(url, { headers: { authorization: `Bearer ${server.key}` } }), 403)
  assert.equal(await statusOf((await client.files.content(id)).url), 200)
})

test('expires_at_seconds sets how long a link lasts, from 1 to a week', async () => {
  const { id } = await create()
  for (const [seconds, granted] of [
    [1, 1],
    [WEEK_SECONDS, WEEK_SECONDS],
    [WEEK_SECONDS + 1, WEEK_SECONDS],
    [10 ** 12, WEEK_SECONDS],
    [null, HOUR_SECONDS],
  ] as const) {
    const { expires_at } = await client.files.content(id, { expires_at_seconds: seconds })
    assert.equal(expires_at, secondsFromNow(granted))
  }
  const { url } = await client.files.content(id, { expires_at_seconds: 1 })
  assert.equal(await statusOf(url), 200)
  server.clock.advance({ ms: 999 })
  assert.equal(await statusOf(url), 200)
  server.clock.advance({ ms: 1 })
  assert.equal(await statusOf(url), 403)
  for (const expires_at_seconds of [0, -1, 1.5, Number.NaN])
    await refusal(client.files.content(id, { expires_at_seconds }), UnprocessableEntityError)
})

test('a link that is altered is refused, one of a deleted file is gone', async () => {
  const { id } = await create()
  const { url } = await client.files.content(id)
  const flipped = withToken(url, (token) => token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A'))
  for (const altered of [withToken(url, (token) => `${token}x`), flipped, `${url}?a=b`])
    assert.equal(await statusOf(altered), 403)
  await client.files.delete(id)
  assert.equal(await statusOf(url), 404)
})

test('deleting answers nothing, the second time 404', async () => {
  const { id } = await create()
  assert.equal(await client.files.delete(id), null)
  const error = await refusal(client.files.delete(id), NotFoundError)
  assert.deepEqual(error.error, { detail: 'File not found' })
  await refusal(client.files.retrieve(id), NotFoundError)
  await refusal(client.files.content(id), NotFoundError)
})

/** Hours until a file of this purpose ends. */
const retention = {
  user_data: null,
  parse: 48,
  extract: 48,
  split: 48,
  classify: 48,
  sheet: 48,
  agent_app: null,
} as const
for (const [purpose, hours] of Object.entries(retention)) {
  test(`a file for ${purpose} ends ${hours === null ? 'never' : `after ${hours} hours, everywhere at once`}`, async () => {
    const file = await create(purpose, `${purpose}.txt`)
    assert.equal(file.expires_at, hours === null ? null : secondsFromNow(hours * HOUR_SECONDS))
    const { url, expires_at } = await client.files.content(file.id, { expires_at_seconds: WEEK_SECONDS })
    assert.equal(expires_at, file.expires_at ?? secondsFromNow(WEEK_SECONDS))
    const listed = async () => idsOf((await client.files.list({ file_name: file.name })).items)
    server.clock.advance({ hours: 48, ms: -1 })
    assert.deepEqual(await listed(), [file.id])
    assert.equal(await statusOf(url), 200)
    assert.equal((await client.files.retrieve(file.id)).expires_at, file.expires_at)
    server.clock.advance({ ms: 1 })
    if (hours === null) {
      assert.deepEqual(await listed(), [file.id])
      return
    }
    assert.deepEqual(await listed(), [])
    assert.equal((await client.files.query({ filter: { file_ids: [file.id] } })).total_size, 0)
    // The link ends with its file; which of the two it was is not told.
    assert.ok([403, 404].includes(await statusOf(url)))
    for (const verb of ['retrieve', 'content', 'delete'] as const) {
      const error = await refusal(client.files[verb](file.id), NotFoundError)
      assert.deepEqual(error.error, { detail: 'File not found' })
    }
  })
}

test('a file that has ended answers like one that never was', async () => {
  const { id } = await create('parse')
  const raw = new LlamaCloudClient(server)
  server.clock.advance({ hours: 48 })
  const unknown = 'dfl-00000000-0000-7000-8000-000000000000'
  for (const path of ['', '/content']) {
    const [ended, never] = [await raw.get(`/${id}${path}`), await raw.get(`/${unknown}${path}`)]
    assert.deepEqual([ended.status, ended.text], [404, never.text])
    assert.deepEqual([...ended.headers.keys()], [...never.headers.keys()])
  }
})

test('what is no id is refused with its place', async () => {
  const error = await refusal(client.files.retrieve('abc'), UnprocessableEntityError)
  const detail = [
    { type: 'uuid_parsing', loc: ['path', 'file_id'], msg: 'Input should be a valid UUID', input: 'abc' },
  ]
  assert.deepEqual(error.error, { detail })
  for (const id of ['query', 'a/b', 'dfl-', 'dfl-123', "' or 1=1 --", 'ü'])
    await refusal(client.files.delete(id), UnprocessableEntityError)
  assert.equal((await refusal(client.files.retrieve(''), APIError)).status, 404)
})
