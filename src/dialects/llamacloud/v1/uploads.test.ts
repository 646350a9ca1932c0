import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../../test/harness.ts'
import { type Answer, exchange, LightfieldClient, ok } from '../../../../test/lightfield-client.ts'
import {
  detailOf,
  filePart,
  formOf,
  LlamaCloudClient,
  problemsOf,
} from '../../../../test/llamacloud-client.ts'
import { S3TestServer } from '../../../../test/s3/server.ts'
import { s3Settings } from '../../../../test/s3/settings.ts'
import { defaultTenant, settledUsage } from '../../../../test/usage.ts'
import { sampleFile } from '../../../metadata/conformance/samples.ts'

const FILES = '/api/v1/files'
const MAX_BYTES = 100_000

let server: TestServer
let client: LlamaCloudClient
let field: LightfieldClient

before(async () => {
  server = await TestServer.start({ ENTREPOT_LLAMACLOUD_MAX_FILE_BYTES: String(MAX_BYTES) })
  client = new LlamaCloudClient(server)
  field = new LightfieldClient(server)
})
after(() => server.stop())

interface File {
  readonly id: string
  readonly name: string
  readonly project_id: string
  readonly external_file_id: string
  readonly file_size: number | null
  readonly file_type: string | null
  readonly last_modified_at: string | null
  readonly expires_at: string | null
}

interface UploadUrl {
  readonly file_id: string
  readonly url: string
  readonly expires_at: string
  readonly form_fields: null
}

function presign<T = UploadUrl>(body: unknown, query = '', by = client): Promise<Answer<T>> {
  const type = { 'content-type': 'application/json' }
  return by.send('PUT', FILES + query, JSON.stringify(body), type)
}

function upload<T = File>(parts = [uploadPart()], query = ''): Promise<Answer<T>> {
  const type = { 'content-type': 'multipart/form-data; boundary=entrepot-test-boundary' }
  return client.send('POST', FILES + query, formOf(parts), type)
}

function uploadPart(content = 'hello', filename = 'notes.txt') {
  return { ...filePart(content, filename), name: 'upload_file' }
}

function get<T = File>(id: string): Promise<Answer<T>> {
  return client.send('GET', `${FILES}/${id}`)
}

async function listed(path = FILES, method = 'GET'): Promise<readonly File[]> {
  return ok(await client.send<readonly File[]>(method, path))
}

test('a file that waits for its bytes is found by its id, in no list, and pending for Lightfield', async () => {
  const { file_id: id, url, form_fields } = ok(await presign({ name: 'a.pdf', external_file_id: 'x/1' }))
  assert.equal(form_fields, null)
  const waiting = ok(await get(id))
  assert.deepEqual([waiting.name, waiting.file_size, waiting.last_modified_at], ['a.pdf', null, null])
  assert.equal((await client.send('GET', `${FILES}/${id}/content`)).status, 404)
  assert.equal((await client.get(`/${id}`)).status, 404)
  const ids = [await listed(), await listed(`${FILES}/sync`, 'PUT')].flat().map((file) => file.id)
  assert.ok(!ids.includes(id))
  assert.equal(ok(await field.retrieve(id)).status, 'PENDING')
  assert.equal((await exchange('PUT', url, 'x'.repeat(10))).status, 200)
  const stored = ok(await get(id))
  assert.deepEqual([stored.file_size, stored.file_type, stored.external_file_id], [10, 'pdf', 'x/1'])
  assert.equal((await client.get(`/${id}`)).status, 200)
  assert.equal((await listed()).filter((file) => file.id === id).length, 1)
  assert.equal(ok(await field.retrieve(id)).status, 'COMPLETED')
})

test('an upload that began elsewhere is found once it is complete', async () => {
  const pending = await field.pending()
  assert.equal((await get(pending.id)).status, 404)
  assert.equal((await client.send('DELETE', `${FILES}/${pending.id}`)).status, 404)
  const { id } = await field.stored()
  assert.equal(ok(await get(id)).file_size, 5)
})

test('a waiting file ends with its URL, which lives an hour by default', async () => {
  const [hour, minute] = [
    ok(await presign({ name: 'a' })),
    ok(await presign({ name: 'a' }, '?expires_at_seconds=60')),
  ]
  const seconds = ({ expires_at }: UploadUrl) => (Date.parse(expires_at) - server.clock.now()) / 1000
  assert.deepEqual([seconds(hour), seconds(minute)], [3600, 60])
  server.clock.advance({ seconds: 60 })
  assert.equal((await get(minute.file_id)).status, 404)
  assert.equal((await exchange('PUT', minute.url, 'late')).status, 403)
  assert.equal(ok(await get(hour.file_id)).file_size, null)
})

test('a waiting file can be deleted, and takes no bytes then', async () => {
  const { file_id: id, url } = ok(await presign({ name: 'a', file_size: 5 }))
  assert.equal((await client.send('DELETE', `${FILES}/${id}`)).status, 204)
  assert.equal((await exchange('PUT', url, 'hello')).status, 403)
  assert.equal((await get(id)).status, 404)
  assert.equal((await client.send('DELETE', `${FILES}/${id}`)).status, 404)
  await settledUsage(server)
})

test('of a delete and a PUT at the same time nothing is left over', async () => {
  for (let round = 0; round < 5; round++) {
    const { file_id: id, url } = ok(await presign({ name: 'a' }))
    const [deleted] = await Promise.all([
      client.send('DELETE', `${FILES}/${id}`),
      exchange('PUT', url, 'hello'),
    ])
    assert.equal(deleted.status, 204)
    assert.equal((await get(id)).status, 404)
  }
  await settledUsage(server)
})

test('an ephemeral file ends after 48 hours, a permanent one does not', async () => {
  const hours = ({ expires_at }: File) =>
    expires_at === null ? null : (Date.parse(expires_at) - server.clock.now()) / 3_600_000
  for (const [type, expected] of [
    ['ephemeral', 48],
    ['Ephemeral', 48],
    ['permanent', null],
    ['', null],
  ] as const) {
    assert.equal(hours(ok(await upload([uploadPart()], `?storage_type=${type}`))), expected)
    const { file_id } = ok(await presign({ name: 'a', storage_type: type }))
    assert.equal(hours(ok(await get(file_id))), expected)
  }
  const { expires_at } = ok(
    await presign({ name: 'a', storage_type: 'ephemeral' }, '?expires_at_seconds=999999'),
  )
  assert.equal(Date.parse(expires_at) - server.clock.now(), 48 * 3_600_000)
})

test('what is too large or empty is refused before there is a URL', async () => {
  const tooLarge = await presign({ name: 'a', file_size: MAX_BYTES + 1 })
  assert.deepEqual(
    [tooLarge.status, detailOf(tooLarge)],
    [413, `File exceeds the maximum upload size of ${MAX_BYTES} bytes`],
  )
  const empty = await presign({ name: 'a', file_size: 0 })
  assert.deepEqual([empty.status, detailOf(empty)], [400, 'Uploaded file is empty'])
  assert.equal((await upload([uploadPart('')])).status, 400)
  const { url } = ok(await presign({ name: 'a' }))
  assert.equal((await exchange('PUT', url, 'x'.repeat(MAX_BYTES + 1))).status, 413)
  assert.equal((await exchange('PUT', url, 'x'.repeat(MAX_BYTES))).status, 200)
})

const badRequests: readonly (readonly [unknown, string, readonly string[]])[] = [
  [{}, '', ['body.name missing']],
  [{ name: 7 }, '', ['body.name string_type']],
  [{ name: '' }, '', ['body.name missing']],
  [{ name: 'dir/' }, '', ['body.name missing']],
  [{ name: 'x'.repeat(3001) }, '', ['body.name string_too_long']],
  [{ name: 'a\n' }, '', ['body.name value_error']],
  [{ name: 'a\ud800' }, '', ['body.name string_unicode']],
  [{ name: 'a', external_file_id: 'a\ud800b' }, '', ['body.external_file_id string_unicode']],
  [{ name: 'a', external_file_id: '\udc00' }, '', ['body.external_file_id string_unicode']],
  [{ name: 'a', file_size: -1 }, '', ['body.file_size greater_than_equal']],
  [{ name: 'a', file_size: 1.5 }, '', ['body.file_size int_type']],
  [{ name: 'a', storage_type: 'x' }, '', ['body.storage_type enum']],
  [{ name: 'a', resource_info: [] }, '', ['body.resource_info model_attributes_type']],
  [{ name: 'a', external_file_id: 'a\0' }, '', ['body.external_file_id value_error']],
  [{ name: 'a' }, '?expires_at_seconds=0', ['query.expires_at_seconds greater_than_equal']],
  [[], '', ['body model_attributes_type', 'body.name missing']],
]

for (const [body, query, expected] of badRequests)
  test(`${JSON.stringify(body).slice(0, 60)}${query} gets 422 and makes no file`, async () => {
    const before = (await field.list()).body.totalCount
    assert.deepEqual(problemsOf(await presign(body, query)), expected)
    assert.equal((await field.list()).body.totalCount, before)
  })

test('fields of the vendor that have no meaning here are taken', async () => {
  const whole = {
    name: 'dir\\sub/ü.md',
    external_file_id: null,
    file_size: null,
    last_modified_at: '2026-01-01T00:00:00',
    resource_info: { a: [1, { b: null }] },
    permission_info: { everybody: true },
    data_source_id: null,
    storage_type: null,
    unknown: 1,
  }
  const { file_id } = ok(await presign(whole))
  assert.deepEqual([ok(await get(file_id)).name, ok(await get(file_id)).external_file_id], ['ü.md', ''])
  const post = await client.send<UploadUrl>('POST', `${FILES}/presigned-url`, '{"name":"a"}', {
    'content-type': 'application/json',
  })
  assert.equal(ok(await get(ok(post).file_id)).name, 'a')
})

test('a form without the part upload_file gets 422, with a bad storage type told at the same time', async () => {
  const answer = await upload([filePart()], '?storage_type=x&external_file_id=%00')
  assert.deepEqual(problemsOf(answer).sort(), [
    'body.upload_file missing',
    'query.external_file_id value_error',
    'query.storage_type enum',
  ])
  assert.deepEqual(problemsOf(await client.send('POST', FILES)), ['body.upload_file missing'])
})

test('a list has every file of the project, also beyond what the store gives at a time', async (t) => {
  const own = await TestServer.start()
  t.after(() => own.stop())
  const { organization: organizationId, project: projectId } = await defaultTenant(own)
  const files = Array.from({ length: 2001 }, (_, i) =>
    sampleFile({ organizationId, projectId, name: `${i}.txt`, createdAt: own.clock.now() - i }),
  )
  await own.app.services.metadata.commit(files.map((file) => ({ kind: 'file.insert', file })))
  const all = await new LlamaCloudClient(own).send<readonly File[]>('GET', FILES)
  assert.deepEqual(
    ok(all).map(({ name }) => name),
    files.map(({ name }) => name),
  )
  assert.match(all.headers.get('content-type') ?? '', /^application\/json/)
})

test('a project shows its files to its own keys alone', async () => {
  const { organization, project } = await defaultTenant(server)
  const foreign = new LlamaCloudClient(server, (await server.newTenant('other')).key)
  assert.deepEqual(ok(await foreign.send('GET', FILES)), [])
  assert.equal((await foreign.send('GET', `${FILES}?project_id=${project}`)).status, 403)
  const { file_id } = ok(await presign({ name: 'a' }, `?project_id=default&organization_id=${organization}`))
  assert.equal(ok(await get(file_id)).project_id, project)
  assert.equal((await presign({ name: 'a' }, `?project_id=${project}`, foreign)).status, 403)
  for (const method of ['GET', 'DELETE'])
    assert.equal((await foreign.send(method, `${FILES}/${file_id}`)).status, 404)
})

test('keys need the scope of what they do', async () => {
  const asks = async (scope: 'files:read' | 'files:create') => {
    const limited = new LlamaCloudClient(server, await server.newKey({ scopes: [scope] }))
    const answers = [
      await presign({ name: 'a' }, '', limited),
      await limited.send('GET', FILES),
      await limited.send('PUT', `${FILES}/sync`),
      await limited.send('DELETE', `${FILES}/${ok(await upload()).id}`),
    ]
    return answers.map(({ status }) => status)
  }
  assert.deepEqual(await asks('files:read'), [403, 200, 200, 403])
  assert.deepEqual(await asks('files:create'), [200, 403, 403, 403])
  assert.equal((await new LlamaCloudClient(server, undefined).send('GET', FILES)).status, 401)
})

test('other methods get 405 with what there is', async () => {
  for (const [path, allow] of [
    ['', 'GET, POST, PUT'],
    ['/sync', 'GET, PUT, DELETE'],
    ['/7/content', 'GET'],
  ]) {
    const answer = await client.send('PATCH', FILES + path)
    assert.deepEqual([answer.status, answer.headers.get('allow')], [405, allow])
  }
})

test('with direct transfer a presigned URL is ours still, and the file is there after the PUT', async (t) => {
  const s3 = await S3TestServer.start()
  t.after(() => s3.stop())
  const direct = await TestServer.start({ ...s3Settings(s3), ENTREPOT_DIRECT_TRANSFER: 'on' })
  t.after(() => direct.stop())
  const by = new LlamaCloudClient(direct)
  // The database holds the small one, so that its link is ours, too.
  for (const [bytes, endpoint] of [
    ['hello', direct.url],
    ['x'.repeat(100_000), s3.endpoint],
  ] as const) {
    const { url, file_id } = ok(await presign({ name: 'a.txt', file_size: bytes.length }, '', by))
    assert.ok(url.startsWith(direct.url))
    assert.equal((await exchange('PUT', url, bytes)).status, 200)
    assert.equal(ok(await by.send<File>('GET', `${FILES}/${file_id}`)).file_size, bytes.length)
    const content = ok(await by.send<UploadUrl>('GET', `${FILES}/${file_id}/content`))
    assert.ok(content.url.startsWith(endpoint))
    assert.equal((await exchange('GET', content.url)).text, bytes)
  }
  assert.deepEqual([...s3.objects.keys()].filter((name) => /^(blobs|staging)\//.test(name)).length, 1)
  await settledUsage(direct)
})
