import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import * as openai7 from 'openai'
import { TestServer } from '../harness.ts'
import { settledUsage } from '../usage.ts'
import { type Client, clientOf, refusal, sdks, textOf } from './openai-sdk.ts'

const DAY_SECONDS = 24 * 3600
const UNKNOWN = `file-${'0'.repeat(12)}7${'0'.repeat(19)}`

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'entrepot-openai-'))
})
after(() => rm(folder, { recursive: true, force: true }))

for (const [version, sdk] of sdks) {
  const named = (title: string) => `openai ${version}: ${title}`
  let server: TestServer
  let client: Client
  before(async () => {
    server = await TestServer.start()
    client = clientOf(sdk, server)
  })
  after(() => server.stop())

  const create = async (text: string, name = 'a.txt', given: object = {}) =>
    client.files.create({
      file: await sdk.toFile(Buffer.from(text), name),
      purpose: 'user_data',
      ...given,
    })
  const idsOf = (files: readonly { readonly id: string }[]) => files.map(({ id }) => id)

  /** How a file is named and sent, and the name under which it is kept. */
  const ways: Readonly<Record<string, readonly [make: () => Promise<unknown>, name: string]>> = {
    'a stream of a path': [
      async () => {
        await writeFile(join(folder, 'from path.txt'), 'hello')
        return createReadStream(join(folder, 'from path.txt'))
      },
      'from path.txt',
    ],
    'a stream of a path with quotes': [
      async () => {
        await writeFile(join(folder, '"so" 100%.txt'), 'hello')
        return createReadStream(join(folder, '"so" 100%.txt'))
      },
      '"so" 100%.txt',
    ],
    'a Buffer with a name': [async () => sdk.toFile(Buffer.from('hello'), 'buffer.txt'), 'buffer.txt'],
    'an array of bytes': [
      async () => sdk.toFile(new TextEncoder().encode('hello'), 'bytes.txt'),
      'bytes.txt',
    ],
    'a Blob with a name': [async () => sdk.toFile(new Blob(['hello']), 'blob.txt'), 'blob.txt'],
    'a Blob in a Buffer without a name': [async () => sdk.toFile(Buffer.from('hello')), 'unknown_file'],
    'a File': [async () => new File(['hello'], 'file.txt', { type: 'text/plain' }), 'file.txt'],
    'a File with a path in its name': [async () => new File(['hello'], '../etc/inner/file.txt'), 'file.txt'],
    'a File with a path of Windows': [async () => new File(['hello'], 'C:\\Users\\me\\win.txt'), 'win.txt'],
    'a name beyond ASCII': [
      async () => sdk.toFile(Buffer.from('hello'), 'отчёт 报告 ü 😀.txt'),
      'отчёт 报告 ü 😀.txt',
    ],
    'a name with quotes and percents': [
      async () => sdk.toFile(Buffer.from('hello'), `it's "100%".txt`),
      `it's "100%".txt`,
    ],
    'a Response': [async () => new Response('hello'), 'unknown_file'],
    'an async iterable with a name': [
      async () => sdk.toFile(Readable.from(['hel', 'lo']), 'iterated.txt'),
      'iterated.txt',
    ],
  }
  for (const [way, [make, name]] of Object.entries(ways))
    test(named(`${way} is sent and read back`), async () => {
      const file = await client.files.create({ file: (await make()) as File, purpose: 'user_data' })
      assert.deepEqual([file.filename, file.bytes, file.purpose], [name, 5, 'user_data'])
      assert.equal(await textOf(client, file.id), 'hello')
    })

  test(named('a Blob that has no name is sent, or refused by what lacks'), async () => {
    const call = client.files.create({ file: new Blob(['hello']) as File, purpose: 'user_data' })
    if (version.startsWith('7.')) {
      assert.equal((await call).filename, 'blob')
      return
    }
    const { param, message } = await refusal(call, sdk.BadRequestError)
    assert.deepEqual([param, message], ['file', "400 'file' is a required property"])
  })

  test(named('a file of no bytes is one, too'), async () => {
    const file = await create('', 'empty.txt')
    assert.equal(file.bytes, 0)
    assert.equal(await textOf(client, file.id), '')
  })

  test(named('a large file passes in a stream, whole'), async () => {
    const content = Buffer.alloc(9 * 1024 * 1024, 'content ')
    await writeFile(join(folder, 'large.bin'), content)
    const file = await client.files.create({
      file: createReadStream(join(folder, 'large.bin')),
      purpose: 'user_data',
    })
    assert.equal(file.bytes, content.length)
    const path = join(folder, 'back.bin')
    await writeFile(path, Buffer.from(await (await client.files.content(file.id)).arrayBuffer()))
    assert.ok((await readFile(path)).equals(content))
  })

  test(named('an upload that its client ends half-way leaves nothing behind'), async () => {
    const used = await settledUsage(server)
    const controller = new AbortController()
    // The older client reads on after it was told to stop.
    async function* long() {
      for (let sent = 0; sent < 400; sent++) {
        if (sent === 40) controller.abort()
        yield Buffer.alloc(64 * 1024)
        await setImmediate()
      }
    }
    const file = Readable.from(long()) as unknown as File
    const call = client.files.create({ file, purpose: 'user_data' }, { signal: controller.signal })
    await refusal(call, Error)
    assert.deepEqual(await settledUsage(server), used)
  })

  test(named('a file over the limit is refused, and nothing of it stays'), async (t) => {
    const small = await TestServer.start({ ENTREPOT_OPENAI_MAX_FILE_BYTES: '1000' })
    t.after(() => small.stop())
    const { files } = clientOf(sdk, small)
    const path = join(folder, 'over.bin')
    await writeFile(path, Buffer.alloc(2 * 1024 * 1024))
    const purpose = 'user_data'
    for (const file of [
      await sdk.toFile(Buffer.alloc(1001), 'a'),
      await sdk.toFile(Buffer.alloc(2 ** 21), 'b'),
    ]) {
      const error = await refusal(files.create({ file, purpose }), sdk.APIError)
      assert.deepEqual([error.status, error.param, error.type], [413, 'file', 'invalid_request_error'])
    }
    const error = await refusal(files.create({ file: createReadStream(path), purpose }), sdk.APIError)
    assert.equal(error.status ?? 413, 413)
    assert.equal(
      (await files.create({ file: await sdk.toFile(Buffer.alloc(1000), 'c'), purpose })).bytes,
      1000,
    )
    assert.deepEqual(
      (await files.list()).data.map(({ filename }) => filename),
      ['c'],
    )
  })

  test(
    named('an end that is asked for counts from the creation, and batches end after 30 days'),
    async () => {
      const now = Math.floor(server.clock.now() / 1000)
      for (const seconds of [3600, 2_592_000]) {
        const file = await create('x', 'x.txt', { expires_after: { anchor: 'created_at', seconds } })
        assert.deepEqual([file.created_at, file.expires_at], [now, now + seconds])
      }
      assert.equal((await create('x', 'x.jsonl', { purpose: 'batch' })).expires_at, now + 30 * DAY_SECONDS)
      for (const purpose of ['assistants', 'fine-tune', 'vision', 'user_data', 'evals'] as const) {
        const file = await create('x', 'x.jsonl', { purpose })
        assert.deepEqual([file.purpose, file.expires_at], [purpose, null])
      }
      for (const seconds of [3599, 2_592_001]) {
        const call = create('x', 'x.txt', { expires_after: { anchor: 'created_at', seconds } })
        const error = await refusal(call, sdk.BadRequestError)
        assert.match(error.message, new RegExp(`^400 ${seconds} is (less|greater) than the m(in|ax)imum`))
      }
    },
  )

  test(named('paging visits every file once, in both orders, to the end'), async (t) => {
    const own = await TestServer.start()
    t.after(() => own.stop())
    const { files } = clientOf(sdk, own)
    const made: string[] = []
    for (let i = 0; i < 7; i++) {
      // Some in the same millisecond.
      if (i % 2 === 0) own.clock.advance({ seconds: 1 })
      const purpose = i === 3 ? 'batch' : 'user_data'
      made.push((await files.create({ file: await sdk.toFile(Buffer.from('x'), `${i}`), purpose })).id)
    }
    const all = idsOf(await Array.fromAsync(files.list()))
    assert.deepEqual(all.toSorted(), made.toSorted())
    for (const limit of [1, 2, 3, 7, 8, 10_000]) {
      assert.deepEqual(idsOf(await Array.fromAsync(files.list({ limit }))), all)
      const ascending = idsOf(await Array.fromAsync(files.list({ limit, order: 'asc' })))
      assert.deepEqual(ascending, all.toReversed())
    }
    const pages = await Array.fromAsync((await files.list({ limit: 3 })).iterPages())
    assert.deepEqual(
      pages.map(({ data }) => data.length),
      [3, 3, 1],
    )
    assert.equal((await files.list({ limit: 7 })).hasNextPage(), false)
    assert.deepEqual(idsOf((await files.list({ purpose: 'batch' })).data), [made[3]])
    assert.deepEqual((await files.list({ purpose: 'nobody knows' })).data, [])
    // A cursor whose file has ended still says where to go on.
    const [first = '', second = ''] = all
    await files.delete(second)
    assert.deepEqual(idsOf((await files.list({ after: second })).data), all.slice(2))
    assert.deepEqual(idsOf(await Array.fromAsync(files.list({ after: first, limit: 2 }))), all.slice(2))
  })

  test(named('a list of no files is empty, and has no cursors'), async (t) => {
    const own = await TestServer.start()
    t.after(() => own.stop())
    const page = await clientOf(sdk, own).files.list()
    assert.deepEqual([page.data, page.has_more, page.hasNextPage()], [[], false, false])
    const body: unknown = await (await clientOf(sdk, own).files.list().asResponse()).json()
    const none = { object: 'list', data: [], first_id: null, last_id: null, has_more: false }
    assert.deepEqual(body, none)
  })

  test(named('a file that has ended is gone everywhere'), async () => {
    const { id } = await create('x', 'x.txt', { expires_after: { anchor: 'created_at', seconds: 3600 } })
    server.clock.advance({ seconds: 3599 })
    assert.equal((await client.files.retrieve(id)).id, id)
    server.clock.advance({ seconds: 1 })
    for (const verb of ['retrieve', 'content', 'delete'] as const) {
      const { message, param } = await refusal(client.files[verb](id), sdk.NotFoundError)
      assert.deepEqual([message, param], [`404 No such File object: ${id}`, 'id'])
    }
    assert.ok(!idsOf((await client.files.list()).data).includes(id))
  })

  test(named('errors are those of the SDK, with message, type, param, code and request id'), async () => {
    const badKey = clientOf(sdk, { url: server.url, key: 'sk-nobody' })
    const unauthorized = await refusal(badKey.files.list(), sdk.AuthenticationError)
    assert.deepEqual(
      [unauthorized.code, unauthorized.type, unauthorized.param],
      ['invalid_api_key', 'invalid_request_error', null],
    )
    assert.match(unauthorized.message, /Incorrect API key provided/)
    assert.ok(unauthorized.requestID)
    const readOnly = clientOf(sdk, { url: server.url, key: await server.newKey({ scopes: ['files:read'] }) })
    const file = await sdk.toFile(Buffer.from('x'), 'x')
    await refusal(readOnly.files.create({ file, purpose: 'user_data' }), sdk.PermissionDeniedError)
    const strangers = clientOf(sdk, { url: server.url, key: server.key }, { project: 'nobodys' })
    const forbidden = await refusal(strangers.files.list(), sdk.PermissionDeniedError)
    assert.equal(forbidden.message, '403 You are not allowed to access this project.')
    const anyProject = clientOf(sdk, server, { project: 'proj_abc', organization: 'org-abc' })
    assert.ok((await anyProject.files.list({ limit: 1 })).data)
    const unknown = await refusal(client.files.retrieve(UNKNOWN), sdk.NotFoundError)
    assert.equal(unknown.message, `404 No such File object: ${UNKNOWN}`)
    await refusal(client.files.retrieve('nobody/../x'), sdk.NotFoundError)
    const purpose = await refusal(create('x', 'x', { purpose: 'foo' }), sdk.BadRequestError)
    assert.equal(
      purpose.message,
      "400 'foo' is not one of ['fine-tune', 'assistants', 'batch', 'user_data', 'vision', 'evals'] - 'purpose'",
    )
    assert.deepEqual([purpose.param, purpose.code, purpose.type], ['purpose', null, 'invalid_request_error'])
    for (const limit of [0, 10_001]) {
      const error = await refusal(client.files.list({ limit }), sdk.BadRequestError)
      assert.equal(error.param, 'limit')
    }
    const after = await refusal(client.files.list({ after: UNKNOWN }), sdk.BadRequestError)
    assert.equal(after.param, 'after')
  })

  test(named('a key that is strict gets what the vendor refuses'), async () => {
    const key = await server.newKey({ fidelity: 'strict' })
    const { files } = clientOf(sdk, { url: server.url, key })
    for (const purpose of ['user_data', 'assistants', 'vision'] as const) {
      const { id } = await files.create({ file: await sdk.toFile(Buffer.from('x'), 'x.png'), purpose })
      const { message } = await refusal(files.content(id), sdk.BadRequestError)
      assert.equal(message, `400 Not allowed to download files of purpose: ${purpose}`)
      assert.equal(await textOf(client, id), 'x')
    }
    for (const [purpose, api] of [
      ['fine-tune', 'Fine-Tuning'],
      ['batch', 'Batch'],
    ] as const) {
      const call = files.create({ file: await sdk.toFile(Buffer.from('x'), 'x.txt'), purpose })
      const { message } = await refusal(call, sdk.BadRequestError)
      assert.equal(message, `400 Invalid file format for ${api} API. Must be .jsonl`)
      const { id } = await files.create({ file: await sdk.toFile(Buffer.from('{}'), 'x.jsonl'), purpose })
      assert.equal(await (await files.content(id)).text(), '{}')
    }
  })

  test(named('a base URL may be of the root, have a prefix, and carry a query'), async () => {
    // The older client adds its paths behind the query.
    const withQuery = version.startsWith('7.') ? ['/v1?tenant=a', '/openai/v1/?tenant=a&x='] : []
    for (const baseURL of ['/v1', '/openai/v1', ...withQuery]) {
      const { files } = clientOf(sdk, server, { baseURL: server.url + baseURL })
      const { id } = await files.create({ file: await sdk.toFile(Buffer.from('x'), 'x'), purpose: 'evals' })
      assert.equal((await files.retrieve(id)).id, id)
      assert.ok((await files.list({ limit: 1 })).data.length)
      assert.equal((await files.delete(id)).deleted, true)
    }
  })
}

test('openai 7.57.0: a stream may have a name and a type of its own', async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const client = clientOf(openai7, server)
  const source = Readable.from([Buffer.from('hel'), Buffer.from('lo')])
  const file = openai7.toStreamingFile(source, 'streamed ü.md', { type: 'text/markdown' })
  const made = await client.files.create({ file, purpose: 'user_data' })
  assert.equal(made.filename, 'streamed ü.md')
  const content = await client.files.content(made.id)
  assert.deepEqual([content.headers.get('content-type'), await content.text()], ['text/markdown', 'hello'])
})
