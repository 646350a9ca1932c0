import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { StoreError } from '../../src/core/errors.ts'
import { TestServer } from '../harness.ts'
import { setQuota } from '../usage.ts'
import { classOf, type FilesApi, type SdkOptions, type Way, ways } from './anthropic-sdk.ts'
import { refusal } from './llamacloud-sdk.ts'

let server: TestServer

before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

/** What an SDK of either release reads of an error. */
interface SdkError extends Error {
  readonly status?: number
  readonly requestID?: string | null
  readonly type?: string | null
  readonly errorCode?: string | null
  readonly apiMessage?: string | null
  readonly error?: {
    readonly error: { readonly type: string; readonly details?: { readonly error_code: string } }
  }
}

/** Fails unless the call is refused so; 0.71.2 knows the class of the status alone. */
async function assertRefused(
  way: Way,
  call: PromiseLike<unknown>,
  expected: {
    readonly class: string
    readonly inOlder?: string
    readonly status: number
    readonly type: string
    readonly code?: string
  },
): Promise<void> {
  const isOlder = way.name.includes('0.71.2')
  const Class = classOf(way, isOlder ? (expected.inOlder ?? expected.class) : expected.class)
  assert.ok(Class, expected.class)
  const error: SdkError = await refusal(call, Class)
  assert.equal(error.status, expected.status)
  assert.match(error.requestID ?? '', /^req_[0-9a-f]{32}$/)
  assert.equal(error.error?.error.type, expected.type)
  assert.equal(error.error?.error.details?.error_code, expected.code)
  if (isOlder) return
  assert.equal(error.constructor, Class)
  assert.deepEqual([error.type, error.errorCode], [expected.type, expected.code ?? null])
}

const UNKNOWN = `file_${'0'.repeat(32)}`

for (const way of ways) {
  const { toFile } = way
  const upload = async (files: FilesApi, content = 'x') =>
    files.upload({ file: await toFile(Buffer.from(content), 'x.txt') })

  test(`${way.name}: what is not there is a NotFoundError, what has expired a FileExpiredError`, async () => {
    const files = way.open(server)
    const notFound = { class: 'NotFoundError', status: 404, type: 'not_found_error' }
    for (const id of [UNKNOWN, 'file_x', 'a/b?c']) {
      await assertRefused(way, files.retrieveMetadata(id), notFound)
      await assertRefused(way, files.download(id), notFound)
      await assertRefused(way, files.delete(id), notFound)
    }
    const { id } = await files.upload({
      file: await toFile(Buffer.from('x'), 'x.txt'),
      expires_in_seconds: 3600,
    })
    server.clock.advance({ hours: 1 })
    const expired = { ...notFound, class: 'FileExpiredError', inOlder: 'NotFoundError', code: 'file_expired' }
    await assertRefused(way, files.download(id), expired)
    await assertRefused(way, files.retrieveMetadata(id), notFound)
  })

  test(`${way.name}: with strict fidelity an upload is a FileNotDownloadableError`, async () => {
    const { id } = await upload(way.open(server))
    const files = way.open({ url: server.url, key: await server.newKey({ fidelity: 'strict' }) })
    await assertRefused(way, files.download(id), {
      class: 'FileNotDownloadableError',
      inOlder: 'BadRequestError',
      status: 400,
      type: 'invalid_request_error',
      code: 'file_not_downloadable',
    })
    assert.equal((await files.retrieveMetadata(id)).downloadable, false)
  })

  test(`${way.name}: a quota that is used up is a StorageQuotaExceededError`, async (t) => {
    await setQuota(server, 'organization', { files: 0 })
    t.after(() => setQuota(server, 'organization', {}))
    await assertRefused(way, upload(way.open(server)), {
      class: 'StorageQuotaExceededError',
      inOlder: 'BadRequestError',
      status: 400,
      type: 'invalid_request_error',
      code: 'storage_quota_exceeded',
    })
  })

  test(`${way.name}: other refusals are of the class of their status`, async () => {
    const files = way.open(server)
    const bad = { class: 'BadRequestError', status: 400, type: 'invalid_request_error' }
    await assertRefused(way, files.list({ limit: 1001 }), bad)
    await assertRefused(way, files.list({ page: 'x' }), bad)
    const file = await toFile(Buffer.from('x'), 'x.txt')
    await assertRefused(way, files.upload({ file, expires_in_seconds: 1 }), bad)
    const wrong = way.open({ url: server.url, key: 'wrong' })
    const unknown = { class: 'AuthenticationError', status: 401, type: 'authentication_error' }
    await assertRefused(way, wrong.list(), unknown)
    const creating = way.open({ url: server.url, key: await server.newKey({ scopes: ['files:create'] }) })
    const forbidden = { class: 'PermissionDeniedError', status: 403, type: 'permission_error' }
    await assertRefused(way, creating.list(), forbidden)
  })

  /** A client that retries at once, and how many requests it has made. */
  const counted = (options: SdkOptions = {}) => {
    const counter = { requests: 0 }
    const counting: typeof fetch = (url, init) => {
      // The SDK tries it out on an address of data first.
      if (String(url).startsWith('http')) counter.requests += 1
      return fetch(url, init)
    }
    return { files: way.open(server, { maxRetries: 2, fetch: counting, ...options }), counter }
  }

  test(`${way.name}: an upload is repeated while the store is away, also one from a stream`, async (t) => {
    const { services } = server.app
    for (const file of [
      await toFile(Buffer.from('x'), 'x.txt'),
      await toFile(Readable.from(['x']), 'x.txt'),
    ]) {
      const { files, counter } = counted()
      const { mock } = t.mock.method(services.metadata, 'commit')
      mock.mockImplementationOnce(async () => {
        throw new StoreError('unavailable', 'for the log')
      })
      const { id } = await files.upload({ file })
      assert.equal(counter.requests, 2)
      t.mock.restoreAll()
      assert.equal(await (await files.download(id)).text(), 'x')
    }
  })

  test(`${way.name}: a request beyond the rate is repeated after the time that it is told`, async (t) => {
    const { files, counter } = counted()
    const over = { limit: 1, remaining: 0, admitted: false, retryAfterSeconds: 1, fullInMs: 1000 }
    const { mock } = t.mock.method(server.app.services.rates, 'take')
    mock.mockImplementationOnce(async () => over)
    const startedAt = performance.now()
    assert.ok((await files.list({ limit: 1 })).data)
    assert.equal(counter.requests, 2)
    assert.ok(performance.now() - startedAt >= 990)
  })

  test(`${way.name}: a store without space is overloaded, and nobody tries again`, async (t) => {
    t.mock.method(server.app.services.metadata, 'commit', async () => {
      throw new StoreError('full', 'for the log')
    })
    const { files, counter } = counted()
    const overloaded = {
      class: 'OverloadedError',
      inOlder: 'InternalServerError',
      status: 529,
      type: 'overloaded_error',
    }
    await assertRefused(way, upload(files), overloaded)
    assert.equal(counter.requests, 1)
  })

  test(`${way.name}: trouble of the server is of the class of its status, and told after two more tries`, async (t) => {
    const troubles = [
      ['unavailable', { class: 'OverloadedError', status: 529, type: 'overloaded_error' }],
      ['timeout', { class: 'GatewayTimeoutError', status: 504, type: 'timeout_error' }],
      ['refused', { class: 'InternalServerError', status: 500, type: 'api_error' }],
    ] as const
    for (const [code, expected] of troubles) {
      t.mock.method(server.app.services.metadata, 'findFile', async () => {
        throw new StoreError(code, 'for the log')
      })
      const { files } = counted({ maxRetries: 0 })
      await assertRefused(way, files.retrieveMetadata(UNKNOWN), {
        ...expected,
        inOlder: 'InternalServerError',
      })
      t.mock.restoreAll()
    }
    t.mock.method(server.app.services.metadata, 'findFile', async () => {
      throw new StoreError('refused', 'for the log')
    })
    const { files, counter } = counted()
    await assertRefused(way, files.retrieveMetadata(UNKNOWN), troubles[2][1])
    assert.equal(counter.requests, 3)
  })

  test(`${way.name}: a rate that stays used up is a RateLimitError`, async (t) => {
    const over = { limit: 1, remaining: 0, admitted: false, retryAfterSeconds: 1, fullInMs: 1000 }
    t.mock.method(server.app.services.rates, 'take', async () => over)
    const limited = { class: 'RateLimitError', status: 429, type: 'rate_limit_error' }
    await assertRefused(way, way.open(server).list(), limited)
  })

  test(`${way.name}: the SDK may be told that it runs in a browser`, async () => {
    assert.ok((await way.open(server, { dangerouslyAllowBrowser: true }).list({ limit: 1 })).data)
  })

  test(`${way.name}: a refusal is not repeated`, async () => {
    const { files, counter } = counted()
    await assertRefused(way, files.retrieveMetadata(UNKNOWN), {
      class: 'NotFoundError',
      status: 404,
      type: 'not_found_error',
    })
    assert.equal(counter.requests, 1)
  })

  test(`${way.name}: a page in a browser may call, with the SDK’s own headers`, async () => {
    for (const method of ['GET', 'POST', 'DELETE']) {
      const answer = await fetch(`${server.url}/v1/files`, {
        method: 'OPTIONS',
        headers: {
          origin: 'https://app.example',
          'access-control-request-method': method,
          'access-control-request-headers':
            'anthropic-dangerous-direct-browser-access,anthropic-version,authorization,x-stainless-lang',
        },
      })
      assert.equal(answer.status, 204)
      assert.equal(answer.headers.get('access-control-allow-origin'), '*')
      assert.match(answer.headers.get('access-control-allow-methods') ?? '', new RegExp(method))
      assert.match(
        answer.headers.get('access-control-allow-headers') ?? '',
        /anthropic-dangerous-direct-browser-access/,
      )
      assert.match(answer.headers.get('request-id') ?? '', /^req_/)
    }
  })
}
