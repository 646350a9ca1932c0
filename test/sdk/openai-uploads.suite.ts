import assert from 'node:assert/strict'
import { createHash, hash, randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { ROOT_KEY, ServerProcess, whyNotMeasured } from '../faults/server-process.ts'
import { TestServer } from '../harness.ts'
import { newFolder } from '../new-folder.ts'
import { runJobs } from '../run-jobs.ts'
import { usageNow } from '../usage.ts'
import { type Client, clientOf, refusal, sdks, textOf } from './openai-sdk.ts'

const MIB = 1024 * 1024
const PART_BYTES = 64 * MIB
const PARTS = 16
const AT_ONCE = 8
const MAX_GROWTH_BYTES = 128 * MIB

type CreateUpload = Parameters<Client['uploads']['create']>[0]

for (const [version, sdk] of sdks) {
  const named = (title: string) => `openai ${version}: ${title}`
  let server: TestServer
  let client: Client
  before(async () => {
    server = await TestServer.start()
    client = clientOf(sdk, server)
  })
  after(() => server.stop())

  const begin = (bytes: number, given: Partial<CreateUpload> = {}) =>
    client.uploads.create({
      ...{ bytes, filename: 'whole.bin', mime_type: 'text/jsonl', purpose: 'user_data' },
      ...given,
    })
  const add = async (id: string, content: Uint8Array | string, name = 'part.bin') =>
    (await client.uploads.parts.create(id, { data: await sdk.toFile(Buffer.from(content), name) })).id
  const refused = async (call: PromiseLike<unknown>, message: RegExp) => {
    const error = await refusal(call, sdk.BadRequestError)
    assert.match(error.message, message)
    assert.equal(error.type, 'invalid_request_error')
  }

  test(
    named('parts that come at once, out of order, left out and repeated make the file that is named'),
    async () => {
      const contents = [3 * MIB, 10, 1, 200_000].map((bytes) => randomBytes(bytes))
      const whole = Buffer.concat([contents[3] ?? [], contents[0] ?? [], contents[1] ?? []].map(Buffer.from))
      const upload = await begin(whole.length)
      const now = Math.floor(server.clock.now() / 1000)
      assert.deepEqual(
        { ...upload },
        {
          id: upload.id,
          object: 'upload',
          bytes: whole.length,
          created_at: now,
          expires_at: now + 3600,
          filename: 'whole.bin',
          purpose: 'user_data',
          status: 'pending',
          file: null,
        },
      )
      assert.match(upload.id, /^upload_[0-9a-f]{32}$/)
      // The third one is sent twice, as a client does that did not see the answer.
      const ids = await Promise.all(
        [...contents, contents[2] ?? ''].map((content) => add(upload.id, content)),
      )
      const part_ids = [3, 0, 1].map((at) => ids[at] ?? '')
      server.clock.advance({ minutes: 10 })
      const md5 = hash('md5', whole)
      await refused(client.uploads.complete(upload.id, { part_ids, md5: 'f'.repeat(32) }), /MD5/)
      const completed = await client.uploads.complete(upload.id, { part_ids, md5: md5.toUpperCase() })
      assert.equal(completed.status, 'completed')
      assert.deepEqual([completed.created_at, completed.expires_at], [now, now + 3600])
      const { file } = completed
      assert.deepEqual([file?.bytes, file?.created_at, file?.purpose], [whole.length, now + 600, 'user_data'])
      const back = Buffer.from(await (await client.files.content(file?.id ?? '')).arrayBuffer())
      assert.ok(back.equals(whole))
      assert.deepEqual(await client.uploads.complete(upload.id, { part_ids }), completed)
      await refused(client.uploads.complete(upload.id, { part_ids: part_ids.toReversed() }), /completed/)
      await refused(client.uploads.cancel(upload.id), /completed/)
      await refused(add(upload.id, 'x'), /completed/)
    },
  )

  test(named('an MD5 may be in base64, and the end of the file counts from its completion'), async () => {
    const upload = await begin(5, { expires_after: { anchor: 'created_at', seconds: 3600 } })
    const id = await add(upload.id, 'hello')
    server.clock.advance({ minutes: 59 })
    const md5 = createHash('md5').update('hello').digest('base64')
    const { file } = await client.uploads.complete(upload.id, { part_ids: [id], md5 })
    const now = Math.floor(server.clock.now() / 1000)
    assert.deepEqual([file?.created_at, file?.expires_at], [now, now + 3600])
    const batch = await begin(1, { purpose: 'batch' })
    const whole = await client.uploads.complete(batch.id, { part_ids: [await add(batch.id, 'x')] })
    assert.equal(whole.file?.expires_at, now + 30 * 24 * 3600)
    assert.deepEqual(
      (await client.files.list({ limit: 2 })).data.map(({ id }) => id),
      [whole.file?.id, file?.id],
    )
  })

  test(
    named('foreign, unknown, repeated and too few parts are refused, and the upload goes on'),
    async () => {
      const [upload, other] = [await begin(4), await begin(2)]
      const [a, b] = [await add(upload.id, 'ab'), await add(upload.id, 'cd')]
      const foreign = await add(other.id, 'xy')
      const complete = (part_ids: string[]) => client.uploads.complete(upload.id, { part_ids })
      for (const ids of [
        [a, foreign],
        [a, a],
        [a, 'part_000000000001'],
        [a, 'x'],
        [a, ''],
        [a, b, b],
      ])
        await refused(complete(ids), /part/i)
      for (const ids of [[a], []]) await refused(complete(ids), /4 were announced/)
      const { file } = await complete([b, a])
      assert.equal(await textOf(client, file?.id ?? ''), 'cdab')
      assert.equal((await client.uploads.cancel(other.id)).status, 'cancelled')
    },
  )

  test(named('an upload that is over takes nothing, and its bytes are gone'), async () => {
    server.clock.advance({ hours: 2 })
    await runJobs(server)
    const used = await usageNow(server)
    const cancelled = await begin(1)
    const part = await add(cancelled.id, 'x')
    for (let i = 0; i < 2; i++) assert.equal((await client.uploads.cancel(cancelled.id)).status, 'cancelled')
    const expired = await begin(1)
    const late = await add(expired.id, 'x')
    server.clock.advance({ hours: 1 })
    for (const [{ id }, kept, status] of [
      [cancelled, part, /cancelled/],
      [expired, late, /expired/],
    ] as const) {
      await refused(add(id, 'y'), status)
      await refused(client.uploads.complete(id, { part_ids: [kept] }), status)
    }
    assert.equal((await client.uploads.cancel(expired.id)).status, 'expired')
    await runJobs(server)
    assert.deepEqual(await usageNow(server), used)
    const unknown = `upload_${'0'.repeat(12)}7${'0'.repeat(19)}`
    const { message } = await refusal(client.uploads.cancel(unknown), sdk.NotFoundError)
    assert.equal(message, `404 No such Upload object: ${unknown}`)
  })

  test(named('bounds of an upload and of a part hold'), async () => {
    await refused(begin(0), /0 is less than the minimum of 1/)
    await refused(begin(8 * 1024 ** 3 + 1), /greater than the maximum/)
    const upload = await begin(8 * 1024 ** 3)
    assert.equal(upload.bytes, 8 * 1024 ** 3)
    await refused(add(upload.id, ''), /empty/)
    await refused(add(upload.id, Buffer.alloc(PART_BYTES + 1)), /at most 67108864 bytes/)
    await client.uploads.cancel(upload.id)
    const small = await begin(2)
    // Twice the size and one part more: what was sent again waits here until the upload is complete.
    const [first] = await Promise.all([
      add(small.id, 'ab'),
      add(small.id, Buffer.alloc(PART_BYTES)),
      add(small.id, 'x'),
    ])
    await refused(add(small.id, 'yz'), /add up to more/)
    const { status } = await client.uploads.complete(small.id, { part_ids: [first] })
    assert.equal(status, 'completed')
  })

  test(named('a complete and a cancel at the same time have one outcome'), async () => {
    for (let round = 0; round < 20; round++) {
      const upload = await begin(2)
      const part_ids = [await add(upload.id, 'ab')]
      const [completed, again, cancelled] = await Promise.allSettled([
        client.uploads.complete(upload.id, { part_ids }),
        client.uploads.complete(upload.id, { part_ids }),
        client.uploads.cancel(upload.id),
      ])
      const isFile = completed.status === 'fulfilled'
      assert.equal(again.status, completed.status)
      assert.equal(cancelled.status, isFile ? 'rejected' : 'fulfilled')
      if (isFile) await client.files.delete(completed.value.file?.id ?? '')
    }
  })
}

const skip = whyNotMeasured()
test('1 GiB comes in parts of 64 MiB, eight at a time, and costs no memory', { skip }, async (t) => {
  const server = await ServerProcess.start({ dataDir: newFolder('entrepot-openai-') })
  t.after(() => server.end('SIGKILL'))
  const [[, sdk] = assert.fail()] = sdks
  const client = clientOf(sdk, { url: server.url, key: ROOT_KEY })
  // One buffer for all, so that the client needs little; each part says which it is.
  const content = randomBytes(PART_BYTES)
  const bytes = PARTS * PART_BYTES
  const upload = await client.uploads.create({
    ...{ bytes, filename: 'large.bin', mime_type: 'application/x-large', purpose: 'user_data' },
  })
  server.forgetPeakMemory()
  const resident = server.memoryBytes('VmRSS')
  const ids: string[] = []
  const waiting = Array.from({ length: PARTS }, (_, at) => at)
  const send = async () => {
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      const data = new File([content.subarray(at), content.subarray(0, at)], `${at}`)
      ids[at] = (await client.uploads.parts.create(upload.id, { data })).id
    }
  }
  const begun = performance.now()
  await Promise.all(Array.from({ length: AT_ONCE }, send))
  const sent = performance.now()
  const [whole, md5] = [createHash('sha256'), createHash('md5')]
  for (let at = 0; at < PARTS; at++)
    for (const piece of [content.subarray(at), content.subarray(0, at)]) {
      whole.update(piece)
      md5.update(piece)
    }
  const hashed = performance.now()
  const { file } = await client.uploads.complete(upload.id, { part_ids: ids, md5: md5.digest('hex') })
  const completed = performance.now()
  assert.equal(file?.bytes, bytes)
  const growth = server.memoryBytes('VmHWM') - resident
  const seconds = [sent - begun, completed - hashed].map((ms) => (ms / 1000).toFixed(1))
  t.diagnostic(
    `resident ${Math.round(resident / MIB)} MiB, at most ${Math.round(growth / MIB)} MiB more; parts ${seconds[0]} s, complete with MD5 ${seconds[1]} s`,
  )
  const back = createHash('sha256')
  const response = await client.files.content(file?.id ?? '')
  for await (const chunk of response.body ?? []) back.update(chunk)
  assert.equal(back.digest('hex'), whole.digest('hex'))
  assert.ok(growth < MAX_GROWTH_BYTES, `grew by ${Math.round(growth / MIB)} MiB`)
})
