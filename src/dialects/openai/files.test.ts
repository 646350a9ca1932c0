import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { type FileBody, formOf, OpenAIClient, type Parts, refusalIn } from '../../../test/openai-client.ts'
import { settledUsage, usageNow } from '../../../test/usage.ts'

let server: TestServer
let client: OpenAIClient
before(async () => {
  server = await TestServer.start()
  client = new OpenAIClient(server)
})
after(() => server.stop())

const file = new File(['hello'], 'a.txt')
const TTL = 'expires_after[seconds]'
const ANCHOR = 'expires_after[anchor]'

/** Forms that are refused: their parts, the message and the field. */
const refused: Readonly<Record<string, readonly [parts: Parts, message: string, param: string | null]>> = {
  'no file': [{ purpose: 'batch' }, "'file' is a required property", 'file'],
  'no purpose': [{ file }, "'purpose' is a required property", 'purpose'],
  'a purpose that there is not': [
    { file, purpose: 'foo' },
    "'foo' is not one of ['fine-tune', 'assistants', 'batch', 'user_data', 'vision', 'evals'] - 'purpose'",
    'purpose',
  ],
  'a purpose of the service': [
    { file, purpose: 'batch_output' },
    "'batch_output' is not one of ['fine-tune', 'assistants', 'batch', 'user_data', 'vision', 'evals'] - 'purpose'",
    'purpose',
  ],
  'a flat expiry': [
    { file, purpose: 'evals', expires_after: '604800' },
    "Additional properties are not allowed ('expires_after' was unexpected)",
    'expires_after',
  ],
  'a dotted expiry': [
    { file, purpose: 'evals', 'expires_after.anchor': 'created_at' },
    "Additional properties are not allowed ('expires_after.anchor' was unexpected)",
    'expires_after.anchor',
  ],
  'a further file': [
    { file, purpose: 'evals', other: file },
    "Additional properties are not allowed ('other' was unexpected)",
    'other',
  ],
  'an expiry without its anchor': [
    { file, purpose: 'evals', [TTL]: '3600' },
    "'anchor' is a required property - 'expires_after'",
    'expires_after',
  ],
  'an anchor without its expiry': [
    { file, purpose: 'evals', [ANCHOR]: 'created_at' },
    "'seconds' is a required property - 'expires_after'",
    'expires_after',
  ],
  'another anchor': [
    { file, purpose: 'evals', [ANCHOR]: 'now', [TTL]: '3600' },
    "'now' is not one of ['created_at'] - 'expires_after.anchor'",
    'expires_after.anchor',
  ],
  'an expiry too short': [
    { file, purpose: 'evals', [ANCHOR]: 'created_at', [TTL]: '3599' },
    "3599 is less than the minimum of 3600 - 'expires_after.seconds'",
    'expires_after.seconds',
  ],
  'an expiry that is no number': [
    { file, purpose: 'evals', [ANCHOR]: 'created_at', [TTL]: '1h' },
    "'1h' is not of type 'integer' - 'expires_after.seconds'",
    'expires_after.seconds',
  ],
  'a negative expiry': [
    { file, purpose: 'evals', [ANCHOR]: 'created_at', [TTL]: '-1' },
    "-1 is less than the minimum of 3600 - 'expires_after.seconds'",
    'expires_after.seconds',
  ],
  'a name too long': [
    { file: new File(['x'], 'x'.repeat(1025)), purpose: 'evals' },
    "The name has 1025 bytes, the maximum is 1024 - 'file'",
    'file',
  ],
}
for (const [what, [parts, message, param]] of Object.entries(refused))
  test(`a form with ${what} is refused, and nothing is stored or counted`, async () => {
    const used = await usageNow(server)
    const error = refusalIn(await client.send('POST', '/v1/files', formOf(parts)))
    assert.deepEqual(error, { message, type: 'invalid_request_error', param, code: null })
    assert.deepEqual(await settledUsage(server), used)
    assert.deepEqual((await client.list()).data, [])
  })

test('a body that is no form, or none, is refused', async () => {
  assert.equal(refusalIn(await client.send('POST', '/v1/files')).param, 'file')
  refusalIn(await client.send('POST', '/v1/files', { purpose: 'batch' }), 415)
})

test('unknown parts pass where the operator says so', async (t) => {
  const lenient = await TestServer.start({ ENTREPOT_OPENAI_UNKNOWN_FIELDS: 'ignore' })
  t.after(() => lenient.stop())
  const { create, stored, upload } = OpenAIClient.prototype
  const other = new OpenAIClient(lenient)
  assert.equal((await create.call(other, 'x', 'x', { model: 'gpt' })).status, 200)
  assert.ok(await stored.call(other))
  assert.equal((await upload.call(other, 5, { model: 'gpt' })).status, 'pending')
})

test('a part without a filename is the file all the same', async () => {
  const { status, body, text } = await client.send<{ id: string; filename: string; bytes: number }>(
    'POST',
    '/v1/files',
    formOf({ file: 'hello', purpose: 'evals' }),
  )
  assert.equal(status, 200, text)
  assert.equal(body.bytes, 5)
  assert.match(body.filename, /^[0-9a-f-]{36}\.txt$/)
  assert.equal((await client.send('GET', `/v1/files/${body.id}/content`)).text, 'hello')
  await client.send('DELETE', `/v1/files/${body.id}`)
})

test('a purpose is read, also if its part has a filename', async () => {
  const form = formOf({ file, purpose: new File(['evals'], 'blob') })
  const { status, body, text } = await client.send<FileBody>('POST', '/v1/files', form)
  assert.deepEqual([status, body.purpose], [200, 'evals'], text)
  await client.send('DELETE', `/v1/files/${body.id}`)
})

test('ids are short, and every form of one finds its file', async () => {
  const { id } = await client.stored()
  assert.ok(id.length < 64)
  const hex = id.slice('file-'.length)
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  for (const form of [id, uuid, `dfl-${uuid}`])
    assert.equal((await client.send<{ id: string }>('GET', `/v1/files/${form}`)).body.id, id)
  for (const form of [hex, `file_${hex}x`, `upload_${hex}`, 'x']) {
    const { message, param } = refusalIn(await client.send('GET', `/v1/files/${form}`), 404)
    assert.deepEqual([message, param], [`No such File object: ${form}`, 'id'])
  }
  const deleted = await client.send('DELETE', `/v1/files/${uuid}`, undefined, {
    'content-type': 'application/json',
  })
  assert.deepEqual(deleted.body, { id, object: 'file', deleted: true })
  refusalIn(await client.send('DELETE', `/v1/files/${id}`), 404)
})

test('content has ranges, HEAD and safe headers, and a request id is on every answer', async () => {
  const { id } = await client.stored('0123456789', 'page.html')
  const path = `/v1/files/${id}/content`
  const part = await client.send('GET', path, undefined, { range: 'bytes=2-4' })
  assert.deepEqual([part.status, part.text], [206, '234'])
  assert.equal(part.headers.get('content-type'), 'application/octet-stream')
  const head = await client.send('HEAD', path)
  assert.deepEqual([head.status, head.headers.get('content-length')], [200, '10'])
  assert.equal((await client.send('HEAD', `/v1/files/${id}`)).status, 200)
  for (const { headers } of [
    part,
    head,
    await client.send('GET', '/v1/files/x'),
    await client.send('GET', '/v1/x'),
  ])
    assert.ok(headers.get('x-request-id'))
  await client.send('DELETE', `/v1/files/${id}`)
})

test('lists go on behind a file that has ended, and refuse what is no cursor', async () => {
  const ids: string[] = []
  for (let i = 0; i < 4; i++) {
    server.clock.advance({ seconds: 1 })
    ids.unshift((await client.stored('x', `${i}`)).id)
  }
  await client.send('DELETE', `/v1/files/${ids[1]}`)
  const behind = await client.list(`?after=${ids[1]}&limit=1&tenant=a`)
  assert.deepEqual([behind.data.map(({ id }) => id), behind.has_more], [[ids[2]], true])
  const oldest = await client.list(`?order=asc&after=${ids[1]}`)
  assert.deepEqual(
    oldest.data.map(({ id }) => id),
    [ids[0]],
  )
  const stranger = new OpenAIClient(server, (await server.newTenant('strangers')).key)
  const foreign = refusalIn(await stranger.send('GET', `/v1/files?after=${ids[0]}`))
  assert.deepEqual([foreign.param, foreign.message], ['after', `No such File object: ${ids[0]}`])
  for (const [query, param] of [
    ['limit=0', 'limit'],
    ['limit=10001', 'limit'],
    ['limit=ten', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=0x10', 'limit'],
    ['limit=1e3', 'limit'],
    ['limit=%205', 'limit'],
    ['order=newest', 'order'],
    ['after=x', 'after'],
  ])
    assert.equal(refusalIn(await client.send('GET', `/v1/files?${query}`)).param, param)
  assert.equal((await client.list('?limit=&order=&after=&purpose=')).data.length, 3)
})

test('a file of another purpose, or of none, is one of user_data', async () => {
  const before = (await client.list('?purpose=user_data')).data.length
  const { id } = await client.stored('{}', 'a.jsonl', { purpose: 'batch' })
  const named = async (purpose: string) => (await client.list(`?purpose=${purpose}`)).data.length
  assert.equal(await named('batch'), 1)
  const { metadata } = server.app.services
  const row = (await metadata.findFile((await uuidOf(id)) ?? '')) ?? assert.fail()
  for (const purpose of ['parse', null]) {
    const guard = { state: 'stored' } as const
    await metadata.commit([{ kind: 'file.update', id: row.id, guard, patch: { purpose } }])
    assert.equal((await client.send<{ purpose: string }>('GET', `/v1/files/${id}`)).body.purpose, 'user_data')
    assert.deepEqual(
      [await named('user_data'), await named('batch'), await named('parse')],
      [before + 1, 0, 0],
    )
  }
})

async function uuidOf(id: string): Promise<string | undefined> {
  return server.app.services.parseFileId(id)
}

test('a file for batches ends after 30 days, or when the operator says', async (t) => {
  const day = 24 * 3600
  const { created_at, expires_at } = await client.stored('{}', 'a.jsonl', { purpose: 'batch' })
  assert.equal(expires_at, created_at + 30 * day)
  for (const [days, seconds] of [
    ['7', 7 * day],
    ['off', null],
  ] as const) {
    const other = await TestServer.start({ ENTREPOT_OPENAI_BATCH_DAYS: days })
    t.after(() => other.stop())
    const batch = await new OpenAIClient(other).stored('{}', 'a.jsonl', { purpose: 'batch' })
    assert.equal(batch.expires_at, seconds === null ? null : batch.created_at + seconds)
  }
})
