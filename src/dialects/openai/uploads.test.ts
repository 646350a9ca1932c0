import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { LightfieldClient } from '../../../test/lightfield-client.ts'
import { LlamaCloudClient } from '../../../test/llamacloud-client.ts'
import { formOf, OpenAIClient, refusalIn, type UploadBody } from '../../../test/openai-client.ts'
import { runJobs } from '../../../test/run-jobs.ts'
import { settledUsage, usageNow } from '../../../test/usage.ts'

let server: TestServer
let client: OpenAIClient
before(async () => {
  server = await TestServer.start()
  client = new OpenAIClient(server)
})
after(() => server.stop())

const asked = { bytes: 5, filename: 'a.txt', mime_type: 'text/plain', purpose: 'user_data' }

function complete(id: string, body: object) {
  return client.send<UploadBody>('POST', `/v1/uploads/${id}/complete`, body)
}

test('an upload that cannot be is refused with its field, and counts nothing', async () => {
  const used = await usageNow(server)
  const wrong: readonly (readonly [given: object, param: string | null, message: RegExp])[] = [
    [{ bytes: undefined }, 'bytes', /^'bytes' is a required property$/],
    [{ mime_type: null }, 'mime_type', /^'mime_type' is a required property$/],
    [{ bytes: '5' }, 'bytes', /^'5' is not of type 'integer' - 'bytes'$/],
    [{ bytes: 0 }, 'bytes', /less than the minimum of 1/],
    [{ bytes: 8 * 1024 ** 3 + 1 }, 'bytes', /greater than the maximum of 8589934592/],
    [{ filename: 5 }, 'filename', /not of type 'string'/],
    [{ filename: 'a\u0000' }, 'filename', /control characters/],
    [{ mime_type: 'ü' }, 'mime_type', /printable ASCII/],
    [{ purpose: 'assistants_output' }, 'purpose', /is not one of/],
    [{ expires_after: 3600 }, 'expires_after', /not of type 'object'/],
    [{ expires_after: { anchor: 'created_at' } }, 'expires_after', /'seconds' is a required property/],
    [{ name: 'x' }, 'name', /^Additional properties are not allowed \('name' was unexpected\)$/],
  ]
  for (const [given, param, message] of wrong) {
    const error = refusalIn(await client.send('POST', '/v1/uploads', { ...asked, ...given }))
    assert.equal(error.param, param)
    assert.match(error.message, message)
  }
  for (const body of [[], ['x']]) refusalIn(await client.send('POST', '/v1/uploads', body))
  assert.deepEqual(await settledUsage(server), used)
})

test('a part is one form with its bytes, and nothing else', async () => {
  const { id } = await client.upload(5)
  const path = `/v1/uploads/${id}/parts`
  const used = await usageNow(server)
  const data = new File(['hello'], 'x')
  assert.equal(refusalIn(await client.send('POST', path)).param, 'data')
  assert.equal(refusalIn(await client.send('POST', path, formOf({ other: 'x' }))).param, 'other')
  assert.equal(refusalIn(await client.send('POST', path, formOf({ data, n: '1' }))).param, 'n')
  refusalIn(await client.send('POST', path, formOf({ data: new File([], 'x') })))
  refusalIn(await client.send('POST', path, { data: 'x' }), 415)
  assert.deepEqual(await settledUsage(server), used)
  // The vendor's own example sends it without a filename.
  const { body, status } = await client.send<{ id: string }>('POST', path, formOf({ data: 'hello' }))
  assert.equal(status, 200)
  assert.equal((await complete(id, { part_ids: [body.id] })).body.status, 'completed')
})

test('a file that comes in parts has a name without folders, as one that comes whole', async () => {
  const { id } = await client.upload(5, { filename: '../sets\\a.txt' })
  const { body } = await complete(id, { part_ids: [await client.part(id, 'hello')] })
  assert.equal(body.file?.filename, 'a.txt')
  await client.send('DELETE', `/v1/files/${body.file.id}`)
})

test('a completion that cannot be is refused, and the upload goes on', async () => {
  const { id } = await client.upload(5)
  const part = await client.part(id, 'hello')
  const md5 = '5d41402abc4b2a76b9719d911017c592'
  for (const [body, param] of [
    [{}, 'part_ids'],
    [{ part_ids: part }, 'part_ids'],
    [{ part_ids: [5] }, 'part_ids'],
    [{ part_ids: ['x'] }, 'part_ids'],
    [{ part_ids: [part, part] }, 'part_ids'],
    [{ part_ids: [] }, 'part_ids'],
    [{ part_ids: [part], md5: 'x' }, 'md5'],
    [{ part_ids: [part], md5: md5.replace('5', '6') }, 'md5'],
    [{ part_ids: [part], sha256: 'x' }, 'sha256'],
  ] as const)
    assert.equal(refusalIn(await complete(id, body)).param, param, JSON.stringify(body))
  const { body } = await complete(id, { part_ids: [part], md5: Buffer.from(md5, 'hex').toString('base64') })
  assert.equal(body.status, 'completed')
  assert.deepEqual((await complete(id, { part_ids: [part] })).body, body)
  refusalIn(await complete(id, { part_ids: [] }))
  refusalIn(await client.send('POST', `/v1/uploads/${id}/cancel`))
  await client.send('DELETE', `/v1/files/${body.file?.id}`)
  const gone = refusalIn(await complete(id, { part_ids: [part] }), 404)
  assert.deepEqual([gone.message, gone.param], [`No such Upload object: ${id}`, 'id'])
})

test('a cancel may be sent again, with an empty JSON body, too, and a session ends after an hour', async () => {
  const used = await usageNow(server)
  const [cancelled, expired] = [await client.upload(5), await client.upload(5)]
  await client.part(cancelled.id, 'hello')
  await client.part(expired.id, 'hello')
  assert.equal(cancelled.expires_at, cancelled.created_at + 3600)
  const json: Record<string, string> = { 'content-type': 'application/json' }
  for (const headers of [{}, json]) {
    const path = `/v1/uploads/${cancelled.id}/cancel`
    assert.equal((await client.send<UploadBody>('POST', path, undefined, headers)).body.status, 'cancelled')
  }
  server.clock.advance({ hours: 1 })
  const form = () => formOf({ data: new File(['x'], 'x') })
  for (const [{ id }, state] of [
    [cancelled, /The upload is cancelled/],
    [expired, /The upload is expired/],
  ] as const) {
    assert.match(refusalIn(await client.send('POST', `/v1/uploads/${id}/parts`, form())).message, state)
    assert.match(refusalIn(await complete(id, { part_ids: [] })).message, state)
  }
  const { body } = await client.send<UploadBody>('POST', `/v1/uploads/${expired.id}/cancel`)
  assert.deepEqual([body.status, body.created_at, body.file], ['expired', expired.created_at, null])
  await runJobs(server)
  assert.deepEqual(await usageNow(server), used)
})

test('an upload is nobody else’s: other projects, keys without the scope, and files do not find it', async () => {
  const { id } = await client.upload(5)
  const part_ids = [await client.part(id, 'hello')]
  const stranger = new OpenAIClient(server, (await server.newTenant('others')).key)
  const path = `/v1/uploads/${id}`
  refusalIn(await stranger.send('POST', `${path}/complete`, { part_ids }), 404)
  refusalIn(await stranger.send('POST', `${path}/parts`, formOf({ data: 'x' })), 404)
  refusalIn(await stranger.send('POST', `${path}/cancel`), 404)
  const reader = new OpenAIClient(server, await server.newKey({ scopes: ['files:read'] }))
  refusalIn(await reader.send('POST', `${path}/complete`, { part_ids }), 403)
  const hex = id.slice('upload_'.length)
  refusalIn(await client.send('GET', `/v1/files/file-${hex}`), 404)
  assert.deepEqual(
    (await client.list()).data.filter((file) => file.id.endsWith(hex)),
    [],
  )
  // One that only creates may complete its own, once more, too.
  const creator = new OpenAIClient(server, await server.newKey({ scopes: ['files:create'] }))
  const own = await creator.upload(2)
  const ids = { part_ids: [await creator.part(own.id, 'ab')] }
  for (let i = 0; i < 2; i++)
    assert.equal((await creator.send('POST', `/v1/uploads/${own.id}/complete`, ids)).status, 200)
})

test('other dialects see an upload that waits for parts only in lists of pending ones, and may end it alone', async () => {
  const { id } = await client.upload(5)
  await client.part(id, 'hello')
  const uuid = server.app.services.parseFileId(id.replace('upload_', 'file-')) ?? ''
  const field = new LightfieldClient(server)
  const listed = (await field.list()).body.data.find(
    (file) => server.app.services.parseFileId(file.id) === uuid,
  )
  assert.equal(listed?.status, 'PENDING')
  assert.equal((await field.complete(uuid)).status, 422)
  const llama = new LlamaCloudClient(server)
  assert.equal((await llama.get(`/${uuid}`)).status, 404)
  assert.equal((await llama.send('GET', `/api/v1/files/${uuid}`)).status, 404)
  assert.equal((await llama.send('DELETE', `/api/v1/files/${uuid}`)).status, 404)
  assert.equal((await field.cancel(uuid)).status, 200)
  assert.match(refusalIn(await complete(id, { part_ids: [] })).message, /cancelled/)
})
