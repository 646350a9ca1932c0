import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2'
import { after, before, test } from 'node:test'
import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf'
import { ListApiEndpointsResponseSchema } from '../../src/dialects/yandex/gen/endpoint_pb.js'
import { ExpirationConfig_ExpirationPolicy as Policy } from '../../src/dialects/yandex/gen/expiration_pb.js'
import {
  DeleteFileResponseSchema,
  type File,
  FileSchema,
  GetFileUrlResponseSchema,
  ListFilesResponseSchema,
} from '../../src/dialects/yandex/gen/files_pb.js'
import { grpcCodes } from '../../src/grpc/status.ts'
import { TestServer } from '../harness.ts'
import { withGrpc } from '../yandex-client.ts'

// What the vendor's Python SDK sends (yandex-ai-studio-sdk 0.22.1 on grpcio 1.85.1), recorded from it: the bytes of its
// messages and its metadata, with a deadline in minutes. `test/sdk` has no Python, and our own clients would write
// messages in their own way.

/** `files.upload_bytes(…)` in the folder `default`, by its arguments. */
const creates = {
  "b'x'": '0a0764656661756c742a0178',
  "b'x', name='n', description='d', mime_type='text/markdown', labels={'foo': 'bar'}, ttl_days=5, expiration_policy='static'":
    '0a0764656661756c7412016e1a0164220d746578742f6d61726b646f776e2a0178320a0a03666f6f12036261723a0408011005',
  "b'x', ttl_days=0, expiration_policy='static'": '0a0764656661756c742a01783a020801',
  "b''": '0a0764656661756c74',
} as const

/** `file.update(…)` without the id, by its arguments. */
const updates = {
  "name='n'": '12060a046e616d651a016e',
  'name=None, labels=None': '120e0a046e616d650a066c6162656c73',
  'ttl_days=3': '121c0a1a65787069726174696f6e5f636f6e6669672e74746c5f646179732a021003',
  "expiration_policy='static'":
    '12250a2365787069726174696f6e5f636f6e6669672e65787069726174696f6e5f706f6c6963792a020801',
  '': '',
} as const

/** `files.list(…)` of the folder `default`, its first page. */
const lists = { '': '0a0764656661756c74', 'page_size=3': '0a0764656661756c741003' } as const

let server: TestServer
let session: ClientHttp2Session

before(async () => {
  server = await TestServer.start(withGrpc)
  // The limits that grpcio announces.
  session = connect(`http://${server.grpcAddress}`, {
    settings: { initialWindowSize: 4_194_304, maxFrameSize: 4_194_304, maxHeaderListSize: 16_384 },
  })
})
after(async () => {
  session.destroy()
  await server.stop()
})

interface Answer {
  readonly message: Buffer
  /** The last headers of the call: of a failure the only ones. */
  readonly trailers: IncomingHttpHeaders
}

const FILES = 'yandex.cloud.ai.files.v1.FileService'

async function call(path: string, message: string, more: Record<string, string> = {}): Promise<Answer> {
  const stream = session.request({
    ':method': 'POST',
    ':path': `/${path}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    'grpc-accept-encoding': 'identity, deflate, gzip',
    'grpc-timeout': '1M',
    'user-agent':
      'yandex-ai-studio-sdk/0.22.1 python/3.11 grpc-python-asyncio/1.85.1 grpc-c/58.0.0 (linux; chttp2)',
    'x-client-request-id': randomUUID(),
    'x-data-logging-enabled': 'true',
    'idempotency-key': randomUUID(),
    ...more,
  })
  let trailers: IncomingHttpHeaders = {}
  stream.on('response', (headers) => {
    trailers = headers
  })
  stream.on('trailers', (headers) => {
    trailers = headers
  })
  stream.end(framed(Buffer.from(message, 'hex')))
  return { message: Buffer.concat(await stream.toArray()), trailers }
}

function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.byteLength, 1)
  return Buffer.concat([prefix, message])
}

/** The one message of a call that succeeded. */
async function answered<S extends DescMessage>(
  schema: S,
  path: string,
  message: string,
  more: Record<string, string> = { authorization: `Api-Key ${server.key}` },
): Promise<MessageShape<S>> {
  const { message: frame, trailers } = await call(path, message, more)
  assert.equal(trailers['grpc-status'], '0')
  assert.deepEqual([frame[0], frame.readUInt32BE(1)], [0, frame.byteLength - 5])
  return fromBinary(schema, frame.subarray(5))
}

const create = (given: keyof typeof creates) => answered(FileSchema, `${FILES}/Create`, creates[given])

const update = (id: string, given: keyof typeof updates) =>
  answered(FileSchema, `${FILES}/Update`, withId(id) + updates[given])

/** A field of ASCII text, shorter than 128 characters. */
function textField(number: number, text: string): string {
  return Buffer.from([(number << 3) | 2, text.length, ...Buffer.from(text)]).toString('hex')
}

/** What every message about one file begins with. */
const withId = (id: string) => textField(1, id)

/** As the SDK shows a file: what was not set is `None`. */
function shown({ name, description, mimeType, labels, expirationConfig }: File): unknown[] {
  return [name, description, mimeType, labels, expirationConfig?.expirationPolicy, expirationConfig?.ttlDays]
}

const { SINCE_LAST_ACTIVE, STATIC } = Policy

test('discovery answers before any credentials are sent', async () => {
  const path = 'yandex.cloud.endpoint.ApiEndpointService/List'
  const { endpoints } = await answered(ListApiEndpointsResponseSchema, path, '', {})
  assert.equal(endpoints.find(({ id }) => id === 'ai-files')?.address, server.grpcAddress)
})

test('upload_bytes makes what its arguments say', async () => {
  assert.deepEqual(shown(await create("b'x'")), ['', '', 'text/plain', {}, SINCE_LAST_ACTIVE, 7n])
  const all = await create(
    "b'x', name='n', description='d', mime_type='text/markdown', labels={'foo': 'bar'}, ttl_days=5, expiration_policy='static'",
  )
  assert.deepEqual(shown(all), ['n', 'd', 'text/markdown', { foo: 'bar' }, STATIC, 5n])
  // The SDK leaves a zero out: it is the default.
  const zero = await create("b'x', ttl_days=0, expiration_policy='static'")
  assert.deepEqual(shown(zero), ['', '', 'text/plain', {}, STATIC, 7n])
})

test('update changes what its arguments name, and None clears', async () => {
  const { id } = await create("b'x'")
  assert.deepEqual(shown(await update(id, "name='n'")), ['n', '', 'text/plain', {}, SINCE_LAST_ACTIVE, 7n])
  assert.equal((await update(id, 'ttl_days=3')).expirationConfig?.ttlDays, 3n)
  const fixed = await update(id, "expiration_policy='static'")
  assert.deepEqual(shown(fixed), ['n', '', 'text/plain', {}, STATIC, 3n])
  const cleared = await update(id, 'name=None, labels=None')
  assert.deepEqual(shown(cleared), ['', '', 'text/plain', {}, STATIC, 3n])
})

test('list pages to an empty page, whatever the size', async () => {
  const authorization = `Api-Key ${(await server.newTenant('listing')).key}`
  const path = `${FILES}/List`
  for (let i = 0; i < 5; i++)
    await answered(FileSchema, `${FILES}/Create`, creates["b'x'"], { authorization })
  for (const first of Object.values(lists)) {
    const seen: string[] = []
    for (let token = ''; ; ) {
      // Every page repeats the folder and the size.
      const message = first + (token && textField(3, token))
      const page = await answered(ListFilesResponseSchema, path, message, { authorization })
      if (page.files.length === 0) break
      seen.push(...page.files.map(({ id }) => id))
      token = page.nextPageToken
    }
    assert.deepEqual([seen.length, new Set(seen).size], [5, 5])
  }
})

test('download_as_bytes reads the URL without following or decoding anything', async () => {
  const { id } = await create("b'x'")
  const { url } = await answered(GetFileUrlResponseSchema, `${FILES}/GetUrl`, withId(id))
  const headers = {
    'user-agent': 'yandex-ai-studio-sdk/0.22.1 python/3.11',
    'x-client-request-id': randomUUID(),
    'accept-encoding': 'gzip, deflate',
  }
  const answer = await fetch(url, { headers, redirect: 'error' })
  assert.deepEqual([answer.status, answer.headers.get('content-encoding')], [200, null])
  assert.equal(await answer.text(), 'x')
  await answered(DeleteFileResponseSchema, `${FILES}/Delete`, withId(id))
  assert.equal((await fetch(url, { headers })).status, 404)
})

test('a failure is trailers alone, with the id that the SDK prints, and of a code that it does not repeat', async () => {
  const { id } = await create("b'x'")
  const authorization = `Api-Key ${server.key}`
  for (const [method, message, code, text] of [
    ['Create', creates["b''"], grpcCodes.INVALID_ARGUMENT, 'content: field is required'],
    ['Update', withId(id) + updates[''], grpcCodes.INVALID_ARGUMENT, 'update_mask: field is required'],
    ['Get', withId('fvt0000000000000000'), grpcCodes.NOT_FOUND, 'There is no file with this ID.'],
  ] as const) {
    const asked = randomUUID()
    const answer = await call(`${FILES}/${method}`, message, { authorization, 'x-client-request-id': asked })
    assert.equal(answer.message.byteLength, 0)
    const { ':status': status, 'grpc-status': grpcStatus, 'grpc-message': told } = answer.trailers
    assert.deepEqual([status, Number(grpcStatus), decodeURIComponent(String(told))], [200, code, text])
    assert.equal(answer.trailers['x-client-request-id'], asked)
  }
})

test('an attempt that is repeated under its idempotency key makes another file, as with the vendor', async () => {
  const authorization = `Api-Key ${server.key}`
  const attempt = { authorization, 'idempotency-key': randomUUID() }
  const first = await answered(FileSchema, `${FILES}/Create`, creates["b'x'"], attempt)
  const again = { ...attempt, 'x-retry-attempt': '1' }
  const second = await answered(FileSchema, `${FILES}/Create`, creates["b'x'"], again)
  assert.notEqual(first.id, second.id)
})
