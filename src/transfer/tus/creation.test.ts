import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import {
  type Answer,
  exchange,
  type Headings,
  LightfieldClient,
  ok,
} from '../../../test/lightfield-client.ts'
import { linkToken } from '../../../test/link-token.ts'
import { LlamaCloudClient } from '../../../test/llamacloud-client.ts'
import { RawConnection } from '../../../test/raw-http.ts'
import { BYTES, head, linkIn, metadataOf, offsetAt, patch, TUS, TusClient } from '../../../test/tus-client.ts'
import { until } from '../../../test/until.ts'
import { setQuota, settledUsage, usageNow } from '../../../test/usage.ts'
import { YandexRest } from '../../../test/yandex-rest.ts'
import { readLink } from '../../core/links/link-token.ts'

const MAX_BYTES = 1_000_000

let server: TestServer
let client: TusClient

before(async () => {
  server = await TestServer.start({ ENTREPOT_TUS_MAX_FILE_BYTES: String(MAX_BYTES) })
  client = new TusClient(server)
})
after(() => server.stop())

/** The file of an upload, as a dialect shows it. */
async function fileOf(link: string) {
  const { fileId } = readLink(linkToken(link)) ?? assert.fail('no link')
  return ok(await new LightfieldClient(server).retrieve(fileId))
}

test('OPTIONS tells what can be done, to programs and to browsers', async () => {
  const link = await client.created(5)
  const preflight = {
    origin: 'https://app.example',
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,tus-resumable,upload-length,upload-metadata',
  }
  for (const address of [`${server.url}/tus`, `${server.url}/tus/`, link])
    for (const asked of [{}, { 'tus-resumable': '0.0.1' }, preflight] as Headings[]) {
      const { status, headers } = await exchange('OPTIONS', address, undefined, asked)
      assert.equal(status, 204)
      assert.equal(headers.get('tus-version'), '1.0.0')
      assert.equal(headers.get('tus-max-size'), String(MAX_BYTES))
      assert.equal(headers.get('tus-checksum-algorithm'), 'sha1,sha256,md5')
      assert.equal(
        headers.get('tus-extension'),
        'creation,creation-with-upload,creation-defer-length,termination,expiration,checksum',
      )
      assert.equal(headers.get('access-control-allow-origin'), '*')
      if (asked === preflight)
        assert.equal(headers.get('access-control-allow-headers'), preflight['access-control-request-headers'])
    }
})

test('a page of another origin may read what tus tells', async () => {
  const { headers } = await client.create({ 'upload-length': '5', origin: 'https://app.example' })
  assert.equal(headers.get('access-control-expose-headers'), '*')
  assert.equal(headers.get('access-control-allow-origin'), '*')
})

test('a created upload is a pending file with a link that lives for a day', async () => {
  const made = await client.create({
    'upload-length': '5',
    'upload-metadata': metadataOf({ filename: 'a.txt' }),
  })
  const link = linkIn(made)
  assert.ok(link.startsWith(`${server.url}/transfer/`))
  const inAnHour = new Date(server.clock.now() + 3_600_000).toUTCString()
  assert.equal(made.headers.get('upload-expires'), inAnHour)
  const { filename, status, sizeBytes, mimeType } = await fileOf(link)
  assert.deepEqual([filename, status, sizeBytes, mimeType], ['a.txt', 'PENDING', 5, 'text/plain'])
})

test('what arrives is stored in the project of the key, and every dialect sees it', async () => {
  const link = await client.created(5, {
    filename: 'Отчёт.own',
    filetype: 'application/x-own',
    purpose: 'user_data',
    externalId: 'crm/17',
    labels: '{"a":"1"}',
    expiresInSeconds: '7200',
  })
  assert.equal((await patch(link, 0, 'hello')).status, 204)
  const { id, filename, status } = await fileOf(link)
  assert.deepEqual([filename, status], ['Отчёт.own', 'COMPLETED'])
  const llama = (await new LlamaCloudClient(server).get<Record<string, unknown>>(`/${id}`)).body
  assert.deepEqual(
    [llama.name, llama.purpose, llama.external_file_id, llama.file_type],
    ['Отчёт.own', 'user_data', 'crm/17', llama.file_type],
  )
  const yandex = (await new YandexRest(server).get(id)).body as unknown as Record<string, unknown>
  assert.deepEqual([yandex.labels, yandex.mimeType], [{ a: '1' }, 'application/x-own'])
  assert.equal(yandex.expiresAt, new Date(server.clock.now() + 7_200_000).toISOString().replace('.000', ''))
  const bytes = await fetch(await new LightfieldClient(server).link(id))
  assert.equal(await bytes.text(), 'hello')
})

test('a type that nobody told is seen from the content, also of bytes in pieces', async () => {
  const png = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex')
  const link = await client.created(png.length)
  await patch(link, 0, png.subarray(0, 7))
  await patch(link, 7, png.subarray(7))
  assert.equal((await fileOf(link)).mimeType, 'image/png')
})

test('an upload of nothing is stored at once', async () => {
  const made = await client.create({
    'upload-length': '0',
    'upload-metadata': metadataOf({ filename: 'empty' }),
  })
  assert.equal(made.headers.get('upload-offset'), '0')
  const { filename, status, sizeBytes } = await fileOf(linkIn(made))
  assert.deepEqual([filename, status, sizeBytes], ['empty', 'COMPLETED', 0])
  const { headers } = await head(linkIn(made))
  assert.deepEqual([headers.get('upload-offset'), headers.get('upload-length')], ['0', '0'])
})

test('first bytes may come with the creation, all of them too', async () => {
  const part = await client.create({ ...BYTES, 'upload-length': '10' }, 'hello')
  assert.equal(part.headers.get('upload-offset'), '5')
  assert.equal((await patch(linkIn(part), 5, 'world')).headers.get('upload-offset'), '10')
  const whole = await client.create({ ...BYTES, 'upload-length': '5' }, 'hello')
  assert.equal(whole.headers.get('upload-offset'), '5')
  assert.equal(whole.headers.get('upload-expires'), null)
  assert.equal((await fileOf(linkIn(whole))).status, 'COMPLETED')
})

test('a creation whose bytes are refused leaves nothing', async () => {
  const before = await settledUsage(server)
  const sha1 = `sha1 ${Buffer.alloc(20).toString('base64')}`
  const refused = await client.create({ ...BYTES, 'upload-length': '5', 'upload-checksum': sha1 }, 'hello')
  assert.equal(refused.status, 460)
  assert.equal(refused.headers.get('location'), null)
  assert.deepEqual(await settledUsage(server), before)
})

test('a creation whose client breaks off leaves nothing, since nobody knows its link', async () => {
  const before = await settledUsage(server)
  const { host } = new URL(server.url)
  const fields = {
    host,
    ...BYTES,
    authorization: `Bearer ${server.key}`,
    'upload-length': 10,
    'content-length': 10,
  }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`)
  const connection = await RawConnection.open(server.url)
  connection.write(['POST /tus HTTP/1.1', ...lines, '', 'hello'].join('\r\n'))
  assert.ok(await until(5_000, async () => (await usageNow(server)).files === before.files + 1))
  connection.end()
  assert.ok(await until(5_000, async () => (await usageNow(server)).files === before.files))
  assert.deepEqual(await settledUsage(server), before)
})

test('a length may be told with a later part, and counts against quotas as bytes come', async () => {
  const before = await settledUsage(server)
  const link = linkIn(await client.create({ 'upload-defer-length': '1' }))
  const { headers } = await head(link)
  assert.deepEqual([headers.get('upload-defer-length'), headers.get('upload-length')], ['1', null])
  assert.equal((await patch(link, 0, 'hello')).status, 204)
  assert.equal((await settledUsage(server)).bytes, before.bytes + 5)
  assert.equal((await patch(link, 5, 'wor', { 'upload-length': '10' })).headers.get('upload-offset'), '8')
  const told = (await head(link)).headers
  assert.deepEqual([told.get('upload-defer-length'), told.get('upload-length')], [null, '10'])
  assert.equal((await patch(link, 8, 'ld', { 'upload-length': '11' })).status, 400)
  assert.equal((await patch(link, 8, 'ld', { 'upload-length': '10' })).status, 204)
  assert.equal((await fileOf(link)).status, 'COMPLETED')
  assert.equal((await settledUsage(server)).bytes, before.bytes + 10)
})

/** Statuses of creations with these headers. */
interface Description {
  readonly components: {
    readonly securitySchemes: Readonly<Record<string, { in?: string; name?: string; scheme?: string }>>
  }
}

const refusals: readonly (readonly [what: string, headers: Headings, status: number, body?: string])[] = [
  ['another version', { 'tus-resumable': '0.2.2', 'upload-length': '5' }, 412],
  ['no version', { 'tus-resumable': undefined, 'upload-length': '5' }, 412],
  ['no length', {}, 400],
  ['a negative length', { 'upload-length': '-1' }, 400],
  ['a length that is no number', { 'upload-length': 'five' }, 400],
  ['a length beyond 2^53', { 'upload-length': '9007199254740992' }, 400],
  ['a length that is too large', { 'upload-length': String(MAX_BYTES + 1) }, 413],
  ['a length told and deferred', { 'upload-length': '5', 'upload-defer-length': '1' }, 400],
  ['deferring by another word', { 'upload-defer-length': 'yes' }, 400],
  ['a part of a concatenation', { 'upload-length': '5', 'upload-concat': 'partial' }, 400],
  [
    'control characters in a name',
    { 'upload-length': '5', 'upload-metadata': metadataOf({ filename: 'a\nb' }) },
    400,
  ],
  [
    'a project that is not there',
    { 'upload-length': '5', 'upload-metadata': metadataOf({ project: 'none' }) },
    403,
  ],
  ['bytes of another type', { 'upload-length': '5', 'content-type': 'text/plain' }, 415, 'hello'],
  ['more bytes than announced', { ...BYTES, 'upload-length': '4' }, 413, 'hello'],
  ['no key', { authorization: undefined, 'upload-length': '5' }, 401],
  ['a wrong key', { authorization: 'Bearer wrong', 'upload-length': '5' }, 401],
  ['another method in a header', { 'upload-length': '5', 'x-http-method-override': 'PATCH' }, 405],
]

for (const [what, headers, status, body] of refusals) {
  test(`a creation with ${what} gets ${status} and makes nothing`, async () => {
    const before = await settledUsage(server)
    const answer = await client.create(headers, body)
    assert.equal(answer.status, status, answer.text)
    assert.equal(answer.headers.get('tus-resumable'), '1.0.0')
    assert.equal(answer.headers.get('tus-version'), status === 412 ? '1.0.0' : null)
    assert.deepEqual(await settledUsage(server), before)
  })
}

test('a key is taken in every header in which a dialect takes it', async () => {
  const session = await exchange('POST', `${server.url}/session`, undefined, {
    authorization: `Bearer ${server.key}`,
  })
  const cookie = session.headers.get('set-cookie')?.split(';')[0]
  const ways: readonly (readonly [Headings, number])[] = [
    [{ authorization: `bearer ${server.key}` }, 201],
    [{ authorization: `Api-Key ${server.key}` }, 201],
    [{ authorization: undefined, cookie, origin: server.url }, 201],
    [{ authorization: undefined, cookie, origin: 'https://app.example' }, 403],
    [{ authorization: undefined, cookie, origin: 'null' }, 403],
    [{ authorization: undefined, cookie }, 403],
    [{ authorization: undefined, cookie: 'session=wrong', origin: server.url }, 401],
    [{ authorization: `Basic ${server.key}` }, 401],
  ]
  for (const [headers, status] of ways) {
    const answer = await client.create({ 'upload-length': '5', ...headers })
    assert.equal(answer.status, status, JSON.stringify(headers))
  }
})

test('the link for a page leads where the page is, whatever the public URL', async () => {
  const session = await exchange('POST', `${server.url}/session`, undefined, {
    authorization: `Bearer ${server.key}`,
  })
  const cookie = session.headers.get('set-cookie')?.split(';')[0]
  for (const path of ['/tus', '/tus/']) {
    const at = `${server.url}/store${path}`
    const { status, headers } = await exchange('POST', server.url + path, undefined, {
      'tus-resumable': '1.0.0',
      'upload-length': '5',
      cookie,
      origin: server.url,
    })
    assert.equal(status, 201)
    const link = new URL(headers.get('location') ?? '', at).href
    assert.ok(link.startsWith(`${server.url}/store/transfer/`), link)
    const found = await exchange('HEAD', link.replace('/store/', '/'), undefined, {
      'tus-resumable': '1.0.0',
    })
    assert.equal(found.status, 200)
  }
})

test('every place that the description names for a key takes one', async () => {
  const description = await exchange<Description>('GET', `${server.url}/tus/openapi.json`)
  const schemes = Object.values(description.body.components.securitySchemes)
  const places = schemes.filter(({ in: place }) => place !== 'cookie')
  assert.ok(places.length > 1)
  for (const { in: place, name = '', scheme = 'Api-Key' } of places) {
    const isOwn = place === 'header' && name !== 'Authorization'
    const headers = isOwn
      ? { [name]: server.key }
      : { authorization: place === 'query' ? undefined : `${scheme} ${server.key}` }
    const query = place === 'query' ? `?${name}=${server.key}` : ''
    const answer = await exchange('POST', `${server.url}/tus${query}`, undefined, {
      ...TUS,
      'upload-length': '5',
      ...headers,
    })
    assert.equal(answer.status, 201, `${place} ${name}`)
  }
})

test('a key needs the scope to create files', async () => {
  const authorization = `Bearer ${await server.newKey({ scopes: ['files:read'] })}`
  assert.equal((await client.create({ authorization, 'upload-length': '5' })).status, 403)
})

test('a creation that does not fit the quota gets 402', async (t) => {
  t.after(() => setQuota(server, 'organization', {}))
  await setQuota(server, 'organization', { files: 0 })
  assert.equal((await client.create({ 'upload-length': '5' })).status, 402)
})

test('an upload is created by the slash at the end, too', async () => {
  const headers = { ...TUS, authorization: `Bearer ${server.key}`, 'upload-length': '5' }
  const answer: Answer<undefined> = await exchange('POST', `${server.url}/tus/`, undefined, headers)
  assert.equal(await offsetAt(linkIn(answer)), 0)
})

test('nothing is created while servers of an older release share the database', async (t) => {
  t.mock.getter(server.app.services.metadata, 'takesSegments', () => false)
  assert.equal((await client.create({ 'upload-length': '5' })).status, 503)
})
