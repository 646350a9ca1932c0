import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { StoreError } from '../../src/core/errors.ts'
import { TestServer } from '../harness.ts'
import { clientOf, refusal, sdks } from './openai-sdk.ts'

const REFUSED = { limit: 1, remaining: 0, admitted: false, retryAfterSeconds: 1, fullInMs: 1000 }

for (const [version, sdk] of sdks) {
  const named = (title: string) => `openai ${version}: ${title}`
  let server: TestServer
  before(async () => {
    server = await TestServer.start()
  })
  after(() => server.stop())

  /** A client as it is by default, which tries twice more, and how many requests it has sent. */
  function counting() {
    const sent: string[] = []
    const fetch: typeof globalThis.fetch = async (...args) => {
      const response = await globalThis.fetch(...args)
      // The client tries a request to a data URL first, for what its fetch can do.
      if (response.url.startsWith('http:')) sent.push(`${response.status}`)
      return response
    }
    return { client: clientOf(sdk, server, { maxRetries: 2, fetch }), sent }
  }
  const file = () => sdk.toFile(Buffer.from('hello'), 'a.txt')

  test(named('a limit is waited for, as long as it says'), async (t) => {
    const { client, sent } = counting()
    const { rates } = server.app.services
    const take = t.mock.method(rates, 'take', async () => REFUSED, { times: 1 })
    const begun = performance.now()
    assert.ok(await client.files.create({ file: await file(), purpose: 'evals' }))
    assert.deepEqual(sent, ['429', '200'])
    assert.ok(performance.now() - begun >= 990)
    take.mock.restore()
    t.mock.method(rates, 'take', async () => REFUSED)
    const error = await refusal(client.files.list({ limit: 1 }), sdk.RateLimitError)
    assert.deepEqual([error.code, error.type], ['rate_limit_exceeded', 'requests'])
    assert.equal(sent.length, 2 + 3)
  })

  test(named('a stream is sent once'), async (t) => {
    const { client, sent } = counting()
    t.mock.method(server.app.services.rates, 'take', async () => REFUSED, { times: 1 })
    const stream = Readable.from([Buffer.from('hello')])
    const call = client.files.create({ file: stream as unknown as File, purpose: 'evals' })
    await refusal(call, sdk.RateLimitError)
    assert.deepEqual(sent, ['429'])
  })

  test(named('a store that is away for a moment is asked again, one that is full is not'), async (t) => {
    const { client, sent } = counting()
    const { metadata } = server.app.services
    const fail = (code: 'unavailable' | 'full') => async () => {
      throw new StoreError(code, 'for the log')
    }
    const away = t.mock.method(metadata, 'commit', fail('unavailable'), { times: 1 })
    const { id } = await client.files.create({ file: await file(), purpose: 'evals' })
    assert.deepEqual(sent.splice(0), ['503', '200'])
    away.mock.restore()
    assert.equal((await client.files.retrieve(id)).id, id)
    sent.splice(0)
    t.mock.method(metadata, 'commit', fail('full'))
    const error = await refusal(client.files.delete(id), sdk.InternalServerError)
    assert.deepEqual([error.status, sent], [507, ['507']])
  })

  test(named('what a repeat cannot mend is asked once'), async () => {
    const { client, sent } = counting()
    const upload = await client.uploads.create({
      ...{ bytes: 1, filename: 'a', mime_type: 'text/plain', purpose: 'evals' },
    })
    const part = await client.uploads.parts.create(upload.id, {
      data: await sdk.toFile(Buffer.from('x'), 'x'),
    })
    await client.uploads.complete(upload.id, { part_ids: [part.id] })
    sent.splice(0)
    await refusal(client.uploads.cancel(upload.id), sdk.BadRequestError)
    await refusal(client.files.retrieve('file-x'), sdk.NotFoundError)
    await refusal(client.files.create({ file: await file(), purpose: 'x' as 'evals' }), sdk.BadRequestError)
    const nobody = clientOf(sdk, { url: server.url, key: 'nobody' }, { maxRetries: 2 })
    await refusal(nobody.files.list(), sdk.AuthenticationError)
    assert.deepEqual(sent, ['400', '404', '400'])
  })
}
