import assert from 'node:assert/strict'
import { connect as connectHttp2 } from 'node:http2'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { TestServer } from '../../../test/harness.ts'
import { assertKeeps } from '../../../test/llamacloud-client.ts'
import { RawConnection, readAnswer } from '../../../test/raw-http.ts'
import { until } from '../../../test/until.ts'
import { settledUsage, usageNow } from '../../../test/usage.ts'
import { codeOf, refusalOf, withGrpc, YandexClient } from '../../../test/yandex-client.ts'
import { base64Of, done, type StatusBody, YANDEX_FILES, YandexRest } from '../../../test/yandex-rest.ts'
import { grpcCodes } from '../../grpc/status.ts'
import { FileService } from './gen/files_pb.js'

// Bad inputs and attacks, numbered as in our catalogue (A29 to A36): JSON, base64 and gRPC. Where what the catalogue expects
// contradicts the vendor's reference, the reference wins, and the test says so.

const MIB = 1024 * 1024
const MAX_FILE_BYTES = MIB

let server: TestServer
let rest: YandexRest
let grpc: YandexClient

before(async () => {
  server = await TestServer.start({
    ...withGrpc,
    ENTREPOT_YANDEX_MAX_FILE_BYTES: String(MAX_FILE_BYTES),
    ENTREPOT_MEMORY_BYTES: String(16 * MIB),
  })
  rest = new YandexRest(server)
  grpc = YandexClient.of(server)
})
after(async () => {
  grpc.close()
  await server.stop()
})

/** Refused as invalid, with nothing kept. */
async function assertRefused(body: string | object, message: RegExp): Promise<void> {
  const { files } = await settledUsage(server)
  const answer = await rest.ask('POST', YANDEX_FILES, body)
  assert.deepEqual([answer.status, answer.body.code], [400, 3], answer.text)
  assert.match(answer.body.message, message)
  await assertKeeps(server, files)
}

const valid = { folderId: 'default', content: 'eA==' }

/** The head of a create and the beginning of its body, of which the rest never comes. */
async function announce(length: string, start = ''): Promise<RawConnection> {
  const connection = await RawConnection.open(server.url)
  connection.write(
    `POST ${YANDEX_FILES} HTTP/1.1\r\nHost: x\r\nAuthorization: Api-Key ${server.key}\r\n${length}\r\n\r\n${start}`,
  )
  return connection
}

// The catalogue asks for 413; the vendor's table has INVALID_ARGUMENT, which its SDKs do not repeat.
test('A29: a body that is announced to be too large is refused before any of it is read', async () => {
  const connection = await announce(`Content-Length: ${5 * MIB}`)
  const { status, body } = readAnswer(await connection.until(/\}$/))
  connection.end()
  assert.equal(status, 400)
  assert.match(body, /"code":3,"message":"content: too many bytes, the maximum is 1048576"/)
})

test('A29: a body that turns out to be too large is refused as soon as it is, announced or not', async () => {
  const content = base64Of(Buffer.alloc(MAX_FILE_BYTES + 100))
  await assertRefused({ ...valid, content }, /^content: too many bytes, the maximum is 1048576$/)
  const start = `{"folderId":"default","content":"${content}`
  const chunk = `${Buffer.byteLength(start).toString(16)}\r\n${start}\r\n`
  const connection = await announce('Transfer-Encoding: chunked', chunk)
  const { status } = readAnswer(await connection.until(/\}$/))
  connection.end()
  assert.equal(status, 400)
  await rest.stored(Buffer.alloc(MAX_FILE_BYTES))
})

test('A29: a body that is shorter than it was announced keeps nothing', async () => {
  const { files } = await settledUsage(server)
  // Only a body that may be too large for the database is counted before it is there.
  for (const [sizeBytes, counted] of [
    [500, 0],
    [500_000, 1],
  ] as const) {
    const start = `{"folderId":"default","content":"${'eHh4'.repeat(sizeBytes / 5)}`
    const connection = await announce(`Content-Length: ${sizeBytes}`, start)
    assert.ok(await until(10_000, async () => (await usageNow(server)).files === files + counted))
    connection.finish('')
    await connection.closed()
    await settledUsage(server)
    await assertKeeps(server, files)
  }
})

test('A29: what is no base64 to the letter is refused', async () => {
  for (const content of [
    'eA',
    'eA=',
    'eA===',
    'eA==eA==',
    '=eA=',
    'eA= =',
    ' eA==',
    'eA==\n',
    'e\u00e4==',
    'eA$=',
    'eHh4e',
    'eHh4e===',
    '-_+/',
    'e\\u0000A==',
    'eB==',
    '='.repeat(100_000),
    `eA${'='.repeat(100_000)}`,
  ]) {
    // Padding may be left out, by the reference; all else is an error.
    if (content === 'eA') done(await rest.create({ content }))
    else await assertRefused({ ...valid, content }, /^content: not valid base64$/)
  }
})

test('A30: as many uploads over gRPC as there are, whose content is stored as it comes, are all taken', async () => {
  const content = Buffer.alloc(MAX_FILE_BYTES, 'x')
  const before = (await settledUsage(server)).bytes
  // Together they have four times the memory that requests may hold.
  await Promise.all(Array.from({ length: 64 }, () => grpc.stored(content)))
  assert.equal((await settledUsage(server)).bytes - before, 64 * MAX_FILE_BYTES)
})

// How little memory they take is shown by memory.test.ts.
test('A30: as many uploads over REST, where content is decoded as it comes, are all taken', async () => {
  const before = (await settledUsage(server)).bytes
  const content = base64Of(Buffer.alloc(MAX_FILE_BYTES, 'x'))
  const answers = await Promise.all(Array.from({ length: 64 }, () => rest.create({ content })))
  for (const answer of answers) done(answer)
  assert.equal((await settledUsage(server)).bytes - before, 64 * MAX_FILE_BYTES)
})

test('A31: JSON that is deep, wide, out of range or ambiguous is refused', async () => {
  const raw = (text: string) => `{"folderId":"default","content":"eA==",${text}}`
  await assertRefused(raw(`"labels":${'['.repeat(100_000)}`), /nested deeper than 100 levels/)
  await assertRefused(raw(`"labels":${'{"a":'.repeat(100_000)}`), /nested deeper than 100 levels/)
  const keys = (count: number) => Array.from({ length: count }, (_, i) => `"k${i}":1`).join()
  await assertRefused(raw(keys(50_000)), /more than 1000 keys/)
  await assertRefused(raw(`"labels":{${keys(150_000)}}`), /exceeds 1048576 bytes beside its content/)
  await assertRefused(raw(`"labels":{${keys(1_000_000)}}`), /too many bytes/)
  await assertRefused(raw('"expirationConfig":{"ttlDays":1e400}'), /out of range/)
  await assertRefused(raw('"name":"a","name":"b"'), /has a key twice/)
  await assertRefused(raw('"name":"a","n\\u0061me":"b"'), /has a key twice/)
  await assertRefused(raw('"name":"\\ud800"'), /half a surrogate pair/)
  await assertRefused(raw('"__proto__":{"name":"x"}'), /^__proto__: unknown field$/)
  await assertRefused(raw('"constructor":{}'), /^constructor: unknown field$/)
  await assertRefused(Buffer.from('{"name":"\xff"}', 'latin1'), /not valid UTF-8/)
})

test('A31: below the outermost object the last of two keys counts, as our documentation says', async () => {
  const body = '{"folderId":"default","content":"eA==","labels":{"a":"1","a":"2","__proto__":"3"}}'
  const { labels } = done(await rest.ask<{ labels: Record<string, string> }>('POST', YANDEX_FILES, body))
  assert.deepEqual(Object.entries(labels), [
    ['a', '2'],
    ['__proto__', '3'],
  ])
  assert.equal(({} as Record<string, unknown>).a, undefined)
})

test('A32: nothing is taken for what it is not', async () => {
  for (const [fields, message] of [
    [{ folderId: ['default'] }, /^folder_id: /],
    [{ folderId: { $ne: 1 } }, /^folder_id: /],
    [{ folderId: 1 }, /^folder_id: /],
    [{ name: 1 }, /^name: /],
    [{ name: true }, /^name: /],
    [{ mimeType: {} }, /^mime_type: /],
    [{ labels: 'string' }, /^labels: /],
    [{ labels: [['a', 'b']] }, /^labels: /],
    [{ labels: { a: 1 } }, /^labels/],
    [{ labels: { a: null } }, /^labels/],
    [{ expirationConfig: 'STATIC' }, /^expiration_config/],
    [{ expirationConfig: { ttlDays: 1.5 } }, /^expiration_config\.ttl_days/],
    [{ expirationConfig: { ttlDays: true } }, /^expiration_config\.ttl_days/],
    [{ expirationConfig: { expirationPolicy: {} } }, /^expiration_config\.expiration_policy/],
    [{ content: 1 }, /^content: /],
    [{ content: ['eA=='] }, /^content: /],
  ] as const)
    await assertRefused({ ...valid, ...fields }, message)
  for (const query of [
    'folderId=default&pageSize[]=1',
    'folderId=default&pageSize=1&pageSize=2',
    'folderId=default&pageSize=1&page_size=1',
    'folderId=default&pageSize=0x10',
    'folderId=default&pageSize=1.5',
    'folderId[]=default',
    'folderId=default&folderId=default',
    'folderId[$ne]=1',
  ]) {
    const answer = await rest.list<StatusBody>(query)
    assert.deepEqual([answer.status, answer.body.code], [400, 3], query)
  }
})

test('A33: what is the server’s to say cannot be said by a caller', async () => {
  const { id } = await rest.stored('x', { name: 'kept' })
  const before = done(await rest.get(id))
  for (const [key, value] of Object.entries({
    id: 'fvt0',
    createdBy: 'eve',
    created_by: 'eve',
    createdAt: '2020-01-01T00:00:00Z',
    updatedBy: 'eve',
    updatedAt: '2020-01-01T00:00:00Z',
    expiresAt: '2099-01-01T00:00:00Z',
    organizationId: 'other',
    sizeBytes: 1,
    state: 'stored',
  })) {
    await assertRefused({ ...valid, [key]: value }, new RegExp(`^${key}: unknown field$`))
    const update = await rest.update<StatusBody>(id, { updateMask: 'name', name: 'new', [key]: value })
    assert.deepEqual([update.status, update.body.code], [400, 3], key)
    const mask = await rest.update<StatusBody>(id, { updateMask: key, name: 'new' })
    assert.deepEqual([mask.status, mask.body.code], [400, 3], key)
  }
  assert.deepEqual(done(await rest.get(id)), before)
})

test('A34: names, labels and ids are data, whatever they look like', async () => {
  const odd = `%_*?[a-z]'";--\\ OR 1=1`
  const { id } = await rest.stored('x', { name: odd, labels: { [odd]: odd } })
  const shown = done(await rest.get(id))
  assert.deepEqual([shown.name, shown.labels], [odd, { [odd]: odd }])
  for (const folder of ["default' OR '1'='1", '%', 'def*', 'default\0']) {
    const answer = await rest.list<StatusBody>(`folderId=${encodeURIComponent(folder)}`)
    assert.deepEqual([answer.status, answer.body.code], [403, 7], folder)
  }
  for (const strange of ['%25', "'%20OR%201=1", '*', '..%2F..%2Fetc%2Fpasswd', '%00']) {
    const answer = await rest.get<StatusBody>(strange)
    assert.deepEqual([answer.status, answer.body.code], [404, 5], strange)
  }
})

// The catalogue asks for 400 above the largest page; the vendor lowers the number.
test('A34: a page size below zero is refused, and a huge one lowered', async () => {
  for (const size of ['-1', '-9223372036854775808', '9223372036854775808', '1e9', 'NaN'])
    assert.equal((await rest.list(`folderId=default&pageSize=${size}`)).status, 400, size)
  for (const size of ['1000000000', '9223372036854775807'])
    assert.equal((await rest.list(`folderId=default&pageSize=${size}`)).status, 200, size)
})

test('A34: a forged page token leads nowhere but to a place in one’s own listing', async () => {
  const { key, project } = await server.newTenant('forger')
  const forger = new YandexRest(server, `Bearer ${key}`)
  const { files, nextPageToken } = done(await rest.list('folderId=default&pageSize=1'))
  assert.ok(files[0])
  const theirs = encodeURIComponent(nextPageToken)
  assert.deepEqual(done(await forger.list(`folderId=${project.id}&pageToken=${theirs}`)).files, [])
  const forged = (text: string) => encodeURIComponent(Buffer.from(text).toString('base64'))
  const fine = Buffer.from(nextPageToken, 'base64').toString()
  for (const token of [
    'x',
    '!',
    forged("2026-04-08T12:00:00@' OR 1=1"),
    forged(`${fine}x`),
    forged(fine.replace('2026', '9999999')),
    forged('\0'),
    forged(fine).repeat(50),
  ])
    assert.equal((await rest.list(`folderId=default&pageToken=${token}`)).status, 400, token)
})

test('a long id that is none gets the answer of a short one', async () => {
  for (const [method, path] of [
    ['GET', ''],
    ['GET', ':getUrl'],
    ['PATCH', ''],
    ['DELETE', ''],
  ] as const) {
    const body = method === 'PATCH' ? { updateMask: 'name', name: 'n' } : undefined
    const ask = (id: string) => rest.ask<StatusBody>(method, `${YANDEX_FILES}/${id}${path}`, body)
    const short = await ask('x')
    const long = await ask('x'.repeat(600))
    const told = [short.status, short.body.message.replace('x', 'x'.repeat(600))]
    assert.deepEqual([long.status, long.body.message], told, `${method} ${path}`)
  }
})

// The catalogue has RESOURCE_EXHAUSTED, which the vendor's SDKs would repeat, sending the file each time.
test('A35: a message that is too long is refused by its length, and a compressed one as it stands', async () => {
  const file = await refusalOf(grpc.stored(Buffer.alloc(4 * MIB)))
  assert.equal(file.code, grpcCodes.INVALID_ARGUMENT)
  assert.equal(file.details, 'content: too many bytes, the maximum is 1048576')
  assert.equal(file.trailers.get('grpc-status-details-bin').length, 1)
  const long = grpc.callBytes('/yandex.cloud.ai.files.v1.FileService/Get', Buffer.alloc(2 * MIB))
  assert.equal(await codeOf(long), grpcCodes.INVALID_ARGUMENT)
  const answer = await sendFrame(
    'Create',
    Buffer.concat([Buffer.of(1), framed(gzipSync(Buffer.alloc(50 * MIB)))]),
    {
      'grpc-encoding': 'gzip',
    },
  )
  assert.equal(answer, grpcCodes.UNIMPLEMENTED)
  const lie = Buffer.alloc(10)
  lie.writeUInt32BE(0xffff_ffff, 1)
  assert.equal(await sendFrame('Create', lie, {}), grpcCodes.INVALID_ARGUMENT)
})

// A call without a deadline of its own gets ten minutes: src/grpc/server.test.ts, which can shorten them.
test('A36: floods of metadata and of streams are bounded, and there is no reflection', async () => {
  const { method } = FileService
  const flood = (count: number, length: number) => {
    const entries = Array.from({ length: count }, (_, i) => [`x-entry-${i}`, 'y'.repeat(length)])
    return codeOf(grpc.call(method.list, { folderId: 'default' }, { metadata: Object.fromEntries(entries) }))
  }
  assert.equal(await flood(100, 200), grpcCodes.INVALID_ARGUMENT)
  // So many that the transport itself asks for calm.
  assert.equal(await flood(300, 40), grpcCodes.RESOURCE_EXHAUSTED)
  for (const version of ['v1', 'v1alpha']) {
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`
    assert.equal(await codeOf(grpc.callBytes(path, Buffer.alloc(0))), grpcCodes.UNIMPLEMENTED)
  }
  const session = connectHttp2(`http://${server.grpcAddress}`)
  const settings = await new Promise<{ maxConcurrentStreams?: number | undefined }>((resolve) =>
    session.once('remoteSettings', resolve),
  )
  session.destroy()
  assert.equal(settings.maxConcurrentStreams, 100)
  const lists = await Promise.all(Array.from({ length: 1000 }, () => grpc.list({ pageSize: 1n })))
  assert.equal(lists.length, 1000)
})

function framed(message: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(message.byteLength)
  return Buffer.concat([length, message])
}

/** Sends these bytes as they are. @returns the code of the answer */
async function sendFrame(method: string, bytes: Buffer, headers: Record<string, string>): Promise<number> {
  const session = connectHttp2(`http://${server.grpcAddress}`)
  session.on('error', () => undefined)
  const stream = session.request({
    ':method': 'POST',
    ':path': `/yandex.cloud.ai.files.v1.FileService/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Api-Key ${server.key}`,
    ...headers,
  })
  let code = Number.NaN
  for (const event of ['response', 'trailers'] as const)
    stream.on(event, (fields) => {
      if (fields['grpc-status'] !== undefined) code = Number(fields['grpc-status'])
    })
  stream.on('error', () => undefined)
  stream.resume()
  stream.write(bytes)
  await new Promise((resolve) => stream.once('close', resolve))
  session.destroy()
  return code
}
