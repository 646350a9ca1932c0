import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { fromBinary } from '@bufbuild/protobuf'
import { anyUnpack } from '@bufbuild/protobuf/wkt'
import { TestServer } from '../../../test/harness.ts'
import { setQuota } from '../../../test/usage.ts'
import { codeOf, codesOf, refusalOf, withGrpc, YandexClient } from '../../../test/yandex-client.ts'
import { base64Of, YANDEX_FILES, YandexRest } from '../../../test/yandex-rest.ts'
import { StoreError } from '../../core/errors.ts'
import { RetryInfoSchema, StatusSchema } from '../../grpc/gen/status_pb.js'
import { type GrpcCodeName, grpcCodes } from '../../grpc/status.ts'
import { FileService } from './gen/files_pb.js'

// The error table of the vendor's reference, each row over REST and over gRPC.

/** More than the database holds. */
const MAX_FILE_BYTES = 100_000
const { list, get } = FileService.method

let server: TestServer
let rest: YandexRest
let grpc: YandexClient
let fileId: string
let strangersId: string

before(async () => {
  server = await TestServer.start({
    ...withGrpc,
    ENTREPOT_YANDEX_MAX_FILE_BYTES: String(MAX_FILE_BYTES),
  })
  rest = new YandexRest(server)
  grpc = YandexClient.of(server)
  fileId = (await rest.stored()).id
  const { key, project } = await server.newTenant('stranger')
  const stranger = new YandexRest(server, `Bearer ${key}`)
  strangersId = (await stranger.stored('x', { folderId: project.id })).id
})
after(async () => {
  grpc.close()
  await server.stop()
})

interface Row {
  readonly code: GrpcCodeName
  readonly status: number
  /** The message, on both sides. */
  readonly message: RegExp
  /** A request over REST: method, path, body. */
  readonly rest: () => readonly [method: string, path: string, body?: unknown]
  readonly grpc: () => Promise<unknown>
  /** What is told of fields, in `details`. */
  readonly field?: string
}

const invalid = { code: 'INVALID_ARGUMENT', status: 400 } as const
const content = base64Of('x')
const bytes = Buffer.from('x')
const manyLabels = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, '']))

const rows: Readonly<Record<string, Row>> = {
  'a folder that the key may not use': {
    code: 'PERMISSION_DENIED',
    status: 403,
    message: /^Permission denied for folder b1gother$/,
    rest: () => ['POST', YANDEX_FILES, { folderId: 'b1gother', content }],
    grpc: () => grpc.create({ folderId: 'b1gother', content: bytes }),
  },
  'a listing of a folder that the key may not use': {
    code: 'PERMISSION_DENIED',
    status: 403,
    message: /^Permission denied for folder b1gother$/,
    rest: () => ['GET', `${YANDEX_FILES}?folderId=b1gother`],
    grpc: () => grpc.list({ folderId: 'b1gother' }),
  },
  'an id of no file': {
    code: 'NOT_FOUND',
    status: 404,
    message: /^There is no file with this ID\.$/,
    rest: () => ['GET', `${YANDEX_FILES}/fvt0000000000000000`],
    grpc: () => grpc.get('fvt0000000000000000'),
  },
  'a file of another folder': {
    code: 'NOT_FOUND',
    status: 404,
    message: /^There is no file with this ID\.$/,
    rest: () => ['DELETE', `${YANDEX_FILES}/${strangersId}`],
    grpc: () => grpc.delete(strangersId),
  },
  'no folder': {
    ...invalid,
    message: /^folder_id: field is required$/,
    field: 'folder_id',
    rest: () => ['POST', YANDEX_FILES, { content }],
    grpc: () => grpc.create({ content: bytes }),
  },
  'no content': {
    ...invalid,
    message: /^content: field is required$/,
    field: 'content',
    rest: () => ['POST', YANDEX_FILES, { folderId: 'default' }],
    grpc: () => grpc.create({ folderId: 'default' }),
  },
  'no file to tell the URL of': {
    ...invalid,
    message: /^file_id: field is required$/,
    field: 'file_id',
    rest: () => ['GET', `${YANDEX_FILES}:getUrl`],
    grpc: () => grpc.url(''),
  },
  'content that is no base64, or a message that is none': {
    ...invalid,
    message: /not valid/,
    rest: () => ['POST', YANDEX_FILES, { folderId: 'default', content: '!' }],
    grpc: () => grpc.callBytes('/yandex.cloud.ai.files.v1.FileService/Create', Buffer.from([0xff])),
  },
  'days out of bounds': {
    ...invalid,
    message: /^expiration_config\.ttl_days: must be from 1 to 365$/,
    field: 'expiration_config.ttl_days',
    rest: () => ['POST', YANDEX_FILES, { folderId: 'default', content, expirationConfig: { ttlDays: 400 } }],
    grpc: () => grpc.stored('x', { expirationConfig: { ttlDays: 400n } }),
  },
  'a policy that is none': {
    ...invalid,
    message: /^expiration_config\.expiration_policy: there is no policy 9$/,
    field: 'expiration_config.expiration_policy',
    rest: () => [
      'POST',
      YANDEX_FILES,
      { folderId: 'default', content, expirationConfig: { expirationPolicy: 9 } },
    ],
    grpc: () => grpc.stored('x', { expirationConfig: { expirationPolicy: 9 as 1 } }),
  },
  'no mask': {
    ...invalid,
    message: /^update_mask: field is required$/,
    field: 'update_mask',
    rest: () => ['PATCH', `${YANDEX_FILES}/${fileId}`, { name: 'x' }],
    grpc: () => grpc.update(fileId, []),
  },
  'a mask with an unknown path': {
    ...invalid,
    message: /^update_mask: unknown path mime_type$/,
    field: 'update_mask',
    rest: () => ['PATCH', `${YANDEX_FILES}/${fileId}`, { updateMask: 'mime_type' }],
    grpc: () => grpc.update(fileId, ['mime_type']),
  },
  'a malformed page token': {
    ...invalid,
    message: /^page_token: malformed$/,
    field: 'page_token',
    rest: () => ['GET', `${YANDEX_FILES}?folderId=default&pageToken=abc`],
    grpc: () => grpc.list({ pageToken: 'abc' }),
  },
  'a page size below zero': {
    ...invalid,
    message: /^page_size: must not be negative$/,
    field: 'page_size',
    rest: () => ['GET', `${YANDEX_FILES}?folderId=default&pageSize=-1`],
    grpc: () => grpc.list({ pageSize: -1n }),
  },
  'a name that is too long': {
    ...invalid,
    message: /^name: has 1025 bytes, the maximum is 1024$/,
    field: 'name',
    rest: () => ['POST', YANDEX_FILES, { folderId: 'default', content, name: 'n'.repeat(1025) }],
    grpc: () => grpc.stored('x', { name: 'n'.repeat(1025) }),
  },
  'a name with control characters': {
    ...invalid,
    message: /^name: contains control characters$/,
    field: 'name',
    rest: () => ['PATCH', `${YANDEX_FILES}/${fileId}`, { updateMask: 'name', name: 'a\nb' }],
    grpc: () => grpc.update(fileId, ['name'], { name: 'a\nb' }),
  },
  'a description that is too long': {
    ...invalid,
    message: /^description: has 4097 bytes, the maximum is 4096$/,
    field: 'description',
    rest: () => ['POST', YANDEX_FILES, { folderId: 'default', content, description: 'd'.repeat(4097) }],
    grpc: () => grpc.stored('x', { description: 'd'.repeat(4097) }),
  },
  'a type that is none': {
    ...invalid,
    message: /^mime_type: "pdf" is not of the form type\/subtype$/,
    field: 'mime_type',
    rest: () => ['POST', YANDEX_FILES, { folderId: 'default', content, mimeType: 'pdf' }],
    grpc: () => grpc.stored('x', { mimeType: 'pdf' }),
  },
  'too many labels': {
    ...invalid,
    message: /^labels: there are 65 labels, the maximum is 64$/,
    field: 'labels',
    rest: () => ['POST', YANDEX_FILES, { folderId: 'default', content, labels: manyLabels }],
    grpc: () => grpc.stored('x', { labels: manyLabels }),
  },
  'a label without a key': {
    ...invalid,
    message: /^labels: a key is empty$/,
    field: 'labels',
    rest: () => ['PATCH', `${YANDEX_FILES}/${fileId}`, { updateMask: 'labels', labels: { '': 'x' } }],
    grpc: () => grpc.update(fileId, ['labels'], { labels: { '': 'x' } }),
  },
  'a label whose value is too long': {
    ...invalid,
    message: /^labels\.a: has 4097 bytes, the maximum is 4096$/,
    field: 'labels.a',
    rest: () => ['POST', YANDEX_FILES, { folderId: 'default', content, labels: { a: 'v'.repeat(4097) } }],
    grpc: () => grpc.stored('x', { labels: { a: 'v'.repeat(4097) } }),
  },
  'content over the limit': {
    ...invalid,
    message: /^content: .*, the maximum is 100000$/,
    field: 'content',
    rest: () => [
      'POST',
      YANDEX_FILES,
      { folderId: 'default', content: base64Of(Buffer.alloc(MAX_FILE_BYTES + 1)) },
    ],
    grpc: () => grpc.stored(Buffer.alloc(MAX_FILE_BYTES + 1)),
  },
}

for (const [name, row] of Object.entries(rows)) {
  test(`${name}: ${row.code} and ${row.status}`, async () => {
    const answer = await rest.ask(...row.rest())
    const code = grpcCodes[row.code]
    assert.deepEqual([answer.status, answer.body.code], [row.status, code], answer.text)
    assert.match(answer.body.message, row.message)
    assert.deepEqual(answer.body.details[0], {
      '@type': 'type.googleapis.com/google.rpc.RequestInfo',
      requestId: answer.headers.get('x-request-id'),
    })
    const badRequest = answer.body.details[1] as { fieldViolations: { field: string }[] } | undefined
    assert.equal(badRequest?.fieldViolations[0]?.field, row.field ?? badRequest?.fieldViolations[0]?.field)
    const refusal = await refusalOf(row.grpc())
    assert.equal(refusal.code, code)
    assert.match(refusal.details, row.message)
    assert.equal(refusal.trailers.get('grpc-status-details-bin').length, 1)
  })
}

test('no credentials and unknown ones: UNAUTHENTICATED and 401', async () => {
  for (const authorization of [undefined, 'Api-Key nobody', 'Bearer t1.nobody', 'Basic x']) {
    const answer = await new YandexRest(server, authorization).list()
    assert.equal(answer.status, 401)
    assert.equal((answer.body as unknown as { code: number }).code, 16)
    const stranger = new YandexClient(server.grpcAddress, authorization)
    assert.equal(await codeOf(stranger.list()), grpcCodes.UNAUTHENTICATED)
    stranger.close()
  }
})

test('a scope that the key lacks: PERMISSION_DENIED and 403', async () => {
  const key = await server.newKey({ scopes: ['files:read'] })
  const answer = await new YandexRest(server, `Api-Key ${key}`).delete(fileId)
  assert.deepEqual([answer.status, answer.body.code], [403, 7])
  const reader = new YandexClient(server.grpcAddress, `Api-Key ${key}`)
  assert.equal(await codeOf(reader.delete(fileId)), grpcCodes.PERMISSION_DENIED)
  reader.close()
})

test('a file that has ended, or was deleted: NOT_FOUND and 404', async () => {
  const short = await grpc.stored('x', { expirationConfig: { expirationPolicy: 1, ttlDays: 1n } })
  const gone = await rest.stored()
  await rest.delete(gone.id)
  server.clock.advance({ days: 1 })
  for (const { id } of [short, gone]) {
    for (const [method, path, body] of [
      ['GET', `${YANDEX_FILES}/${id}`],
      ['GET', `${YANDEX_FILES}:getUrl?fileId=${id}`],
      ['PATCH', `${YANDEX_FILES}/${id}`, { updateMask: 'name' }],
      ['DELETE', `${YANDEX_FILES}/${id}`],
    ] as const) {
      const answer = await rest.ask(method, path, body)
      assert.deepEqual([answer.status, answer.body.code], [404, 5])
    }
    const codes = await codesOf(grpc.get(id), grpc.url(id), grpc.update(id, ['name']), grpc.delete(id))
    assert.deepEqual(new Set(codes), new Set([grpcCodes.NOT_FOUND]))
  }
})

test('too many files and too many requests: RESOURCE_EXHAUSTED and 429', async (t) => {
  await setQuota(server, 'project', { files: 0 })
  const answer = await rest.create()
  assert.deepEqual([answer.status, (answer.body as unknown as { code: number }).code], [429, 8])
  assert.equal(await codeOf(grpc.stored()), grpcCodes.RESOURCE_EXHAUSTED)
  await setQuota(server, 'project', {})
  const { rest: limited, grpc: alsoLimited } = await startOwn(t, { ENTREPOT_RATE_LIMITS: 'search=1' })
  await limited.list()
  const refused = await limited.list()
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '1'])
  const alsoRefused = await refusalOf(alsoLimited.list())
  assert.equal(alsoRefused.code, grpcCodes.RESOURCE_EXHAUSTED)
  const [bytes = new Uint8Array()] = alsoRefused.trailers.get('grpc-status-details-bin') as Buffer[]
  const [, retry] = fromBinary(StatusSchema, bytes).details
  // The one before has the first second.
  assert.equal(retry && anyUnpack(retry, RetryInfoSchema)?.retryDelay?.seconds, 2n)
})

test('what is not there to be called: UNIMPLEMENTED, as another method with 405, else 404 with code 5', async () => {
  const unknown = grpc.callBytes('/yandex.cloud.ai.files.v1.FileService/Copy', Buffer.alloc(0))
  assert.equal(await codeOf(unknown), grpcCodes.UNIMPLEMENTED)
  for (const [method, path, allow] of [
    ['GET', '/files/v1/nothing'],
    ['GET', `/yandex${YANDEX_FILES}:copy`],
    ['GET', '/files/'],
    ['PUT', `${YANDEX_FILES}/${fileId}`, 'GET, HEAD, PATCH, DELETE'],
    ['DELETE', YANDEX_FILES, 'GET, HEAD, POST'],
    ['POST', `${YANDEX_FILES}:getUrl?fileId=${fileId}`, 'GET, HEAD'],
  ] as const) {
    const { status, body, headers } = await rest.ask(method, path)
    const wanted = allow === undefined ? [404, 5, 'Not Found'] : [405, 12, `This address takes ${allow}.`]
    assert.deepEqual([status, body.code, body.message], wanted, `${method} ${path}`)
    assert.equal(headers.get('allow'), allow ?? null)
  }
})

test('a storage that fails: INTERNAL and 500, and nothing of it is told; one that is away: UNAVAILABLE and 503', async (t) => {
  const { blobs, metadata } = server.app.services
  const isFull = () => Promise.reject(new StoreError('full', '/secret/path is full'))
  // The database keeps a small body, a blob store a large one.
  for (const [content, fails] of [
    ['hello', () => t.mock.method(metadata, 'commit', isFull)],
    ['x'.repeat(100_000), () => t.mock.method(blobs, 'put', isFull)],
  ] as const) {
    const failing = fails()
    const full = await rest.create({ content: base64Of(content) })
    assert.deepEqual([full.status, (full.body as unknown as { code: number }).code], [500, 13])
    assert.doesNotMatch(full.text, /secret/)
    assert.equal(await codeOf(grpc.stored(content)), grpcCodes.INTERNAL)
    failing.mock.restore()
  }
  const find = t.mock.method(metadata, 'findFile', async () => {
    throw new Error('/secret/path')
  })
  const broken = await rest.get(fileId)
  assert.deepEqual([broken.status, (broken.body as unknown as { code: number }).code], [500, 13])
  assert.doesNotMatch(broken.text, /secret/)
  assert.equal((await refusalOf(grpc.get(fileId))).details, 'Internal error')
  find.mock.mockImplementation(async () => {
    throw new StoreError('unavailable', 'not now')
  })
  const away = await rest.get(fileId)
  assert.equal(away.status, 503)
  assert.match(away.headers.get('retry-after') ?? '', /^[2-6]$/)
  assert.equal(await codeOf(grpc.get(fileId)), grpcCodes.UNAVAILABLE)
})

test('a server that has stopped: UNAVAILABLE', async (t) => {
  const { server: own, grpc: client } = await startOwn(t)
  await client.list()
  await own.app.stop()
  assert.equal(await codeOf(client.list()), grpcCodes.UNAVAILABLE)
})

test('ids of the request are told back, over REST and over gRPC, of successes and failures alike', async () => {
  const uuid = /^[0-9a-f-]{36}$/
  const given = {
    'x-client-request-id': 'client-1',
    'x-data-logging-enabled': 'false',
    'x-retry-attempt': '1',
  }
  for (const path of [`${YANDEX_FILES}/${fileId}`, `${YANDEX_FILES}/none`]) {
    const { headers } = await rest.ask('GET', path, undefined, given)
    assert.equal(headers.get('x-client-request-id'), 'client-1')
    assert.match(headers.get('x-request-id') ?? '', uuid)
    assert.equal(headers.get('x-server-trace-id'), headers.get('x-request-id'))
  }
  const odd = await rest.ask('GET', `${YANDEX_FILES}/${fileId}`, undefined, {
    'x-client-request-id': 'x'.repeat(200),
  })
  assert.equal(odd.headers.get('x-client-request-id'), null)
  await grpc.call(list, { folderId: 'default' }, { metadata: given })
  const succeeded = grpc.trailers
  const { trailers: failed } = await refusalOf(grpc.call(get, { fileId: 'none' }, { metadata: given }))
  for (const trailers of [succeeded, failed]) {
    assert.deepEqual(trailers.get('x-client-request-id'), ['client-1'])
    assert.match(String(trailers.get('x-request-id')[0]), uuid)
    assert.deepEqual(trailers.get('x-server-trace-id'), trailers.get('x-request-id'))
  }
})

async function startOwn(t: TestContext, settings = {}) {
  const own = await TestServer.start({ ...withGrpc, ...settings })
  const client = YandexClient.of(own)
  t.after(async () => {
    client.close()
    await own.stop()
  })
  return { server: own, rest: new YandexRest(own), grpc: client }
}
