import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AnsweringProxy } from '../answering-proxy.ts'
import { TestServer } from '../harness.ts'
import { refusal, sdks } from './mistral-sdk.ts'

const UNKNOWN = '01890000-0000-7000-8000-0000000000ff'

let server: TestServer
let proxy: AnsweringProxy

before(async () => {
  server = await TestServer.start()
  proxy = await AnsweringProxy.start(server.url)
})
after(async () => {
  await proxy.stop()
  await server.stop()
})

const file = () => ({ fileName: 'a.txt', content: new TextEncoder().encode('x') })

for (const sdk of sdks) {
  const what = (text: string) => `${sdk.version}: ${text}`

  test(what('a wrong key is an SDKError of 401 with the vendor’s body'), async () => {
    const { files } = sdk.clientOf(server, { apiKey: 'wrong' })
    const calls = [
      () => files.list(),
      () => files.upload({ file: file() }),
      () => files.retrieve({ fileId: UNKNOWN }),
    ]
    for (const call of calls) {
      const error = await refusal(sdk, call())
      assert.deepEqual([error.statusCode, error.body], [401, '{"detail":"Unauthorized"}'])
      assert.equal(error.contentType.split(';')[0], 'application/json')
      assert.match(error.message, /Status 401/)
    }
  })

  test(what('another tenant’s file is not there, whatever is done with it'), async () => {
    const { key } = await server.newTenant(`tenant-${sdk.isNew}`)
    const { id: fileId } = await sdk.clientOf({ url: server.url, key }).files.upload({ file: file() })
    const { files } = sdk.clientOf(server)
    const calls = [
      () => files.retrieve({ fileId }),
      () => files.delete({ fileId }),
      () => files.download({ fileId }),
      () => files.getSignedUrl({ fileId }),
    ]
    for (const call of calls) {
      const error = await refusal(sdk, call())
      assert.deepEqual([error.statusCode, error.body], [404, '{"detail":"File not found"}'])
    }
  })

  test(what('a text that is no id, and a page that is none, are told as FastAPI does'), async () => {
    const { files } = sdk.clientOf(server)
    const wrong = await refusal(sdk, files.retrieve({ fileId: 'no id/é' }))
    assert.equal(wrong.statusCode, 422)
    const [problem] = (JSON.parse(wrong.body) as { detail: { loc: unknown; input: unknown }[] }).detail
    assert.deepEqual([problem?.loc, problem?.input], [['path', 'file_id'], 'no id/é'])
    const page = await refusal(sdk, files.list({ page: -1 }))
    assert.equal(page.statusCode, 422)
  })

  test(what('what a key may not do is 403 in the flat shape'), async () => {
    const key = await server.newKey({ scopes: ['files:read'] })
    const { files } = sdk.clientOf({ url: server.url, key })
    const error = await refusal(sdk, files.upload({ file: file() }))
    assert.equal(error.statusCode, 403)
    assert.equal((JSON.parse(error.body) as { object: string }).object, 'error')
  })

  test(what('nothing is tried again unless the caller says so'), async () => {
    proxy.answerNext({ status: 503 })
    const { files } = sdk.clientOf({ url: proxy.url, key: server.key })
    assert.equal((await refusal(sdk, files.list())).statusCode, 503)
    assert.equal(proxy.tries.length, 1)
  })

  test(
    what('with a strategy it tries again, after the time that it is told, and comes through'),
    async () => {
      const withWaits = (maxInterval: number) => {
        const backoff = { initialInterval: 1, maxInterval, exponent: 1.5, maxElapsedTime: 10_000 }
        const retryConfig = { strategy: 'backoff', backoff, retryConnectionErrors: true } as const
        return sdk.clientOf({ url: proxy.url, key: server.key }, { retryConfig }).files
      }
      const statuses = [429, 500, 502, 503, 504]
      proxy.answerNext(...statuses.map((status) => ({ status })))
      const { id } = await withWaits(5).upload({ file: file() })
      assert.equal(proxy.tries.length, statuses.length + 1)
      proxy.answerNext({ status: 429, headers: { 'retry-after': '1' } })
      const start = performance.now()
      assert.equal((await withWaits(1500).retrieve({ fileId: id })).id, id)
      assert.equal(proxy.tries.length, 2)
      assert.ok(performance.now() - start >= 990)
    },
  )

  test(what('our own 429 tells when to come again'), async () => {
    const limited = await TestServer.start({ ENTREPOT_RATE_LIMITS: 'read=1' })
    try {
      const { files } = sdk.clientOf(limited)
      const { id: fileId } = await files.upload({ file: file() })
      const calls = Array.from({ length: 4 }, () => files.retrieve({ fileId }))
      const refused = (await Promise.allSettled(calls)).filter(({ status }) => status === 'rejected')
      assert.ok(refused.length > 0)
      const error = await refusal(sdk, Promise.reject((refused[0] as PromiseRejectedResult).reason))
      assert.equal(error.statusCode, 429)
      assert.match(error.headers.get('retry-after') ?? '', /^\d+$/)
    } finally {
      await limited.stop()
    }
  })
}
