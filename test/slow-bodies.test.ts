import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { TestServer } from './harness.ts'
import { LightfieldClient, ok, putBytes } from './lightfield-client.ts'
import { BOUNDARY, FILES, filePart, formOf, LlamaCloudClient, purposePart } from './llamacloud-client.ts'
import { RawConnection, readAnswer } from './raw-http.ts'
import { bodyBegun, headOf, keptBytes, settledBytes } from './upload.harness.ts'
import { settledUsage } from './usage.ts'
import { YANDEX_FILES, YandexRest } from './yandex-rest.ts'

const PATIENCE_MS = 30_000
const MESSAGE = 'The body came in more slowly than 1024 bytes per second.'

let server: TestServer

before(async () => {
  // A body that the database may hold begins nothing that could be seen.
  server = await TestServer.start({ ENTREPOT_INLINE_BYTES: '0' })
})
after(() => server.stop())

test('a PUT that stalls gets 408 after half a minute; the upload stays open', async (t) => {
  const client = new LightfieldClient(server)
  const content = 'x'.repeat(200_000)
  const upload = await client.pending({ sizeBytes: content.length })
  const answer = await answerToStalled(t, `${headOf(upload, 'content-length: 200000')}hello`)
  assert.equal(answer.status, 408)
  assert.deepEqual(JSON.parse(answer.body), {
    error: { type: 'request_timeout', message: MESSAGE, code: 'body_too_slow' },
  })
  assert.equal(ok(await client.retrieve(upload.id)).status, 'PENDING')
  assert.equal((await client.complete(upload.id)).status, 422)
  assert.equal((await putBytes(upload, content)).status, 200)
  assert.equal(ok(await client.complete(upload.id)).status, 'COMPLETED')
})

/** Of the request: one whose body may turn out to be small, and one that is surely a blob. */
for (const lengthBytes of [200_000, 2_000_000]) {
  const isBlob = lengthBytes > 200_000

  test(`a form of LlamaCloud of ${lengthBytes} bytes that stalls gets 408 after half a minute`, async (t) => {
    const form = formOf([purposePart(), filePart('hello')])
    const type = `multipart/form-data; boundary=${BOUNDARY}`
    const head = headOfPost(
      FILES,
      lengthBytes,
      `authorization: Bearer ${server.key}`,
      `content-type: ${type}`,
    )
    const answer = await answerToStalled(t, head + form.subarray(0, -BOUNDARY.length), isBlob)
    assert.equal(answer.status, 408)
    assert.deepEqual(JSON.parse(answer.body), { detail: MESSAGE })
    await new LlamaCloudClient(server).stored()
  })

  test(`a create of Yandex of ${lengthBytes} bytes that stalls gets DEADLINE_EXCEEDED after half a minute`, async (t) => {
    const head = headOfPost(YANDEX_FILES, lengthBytes, `authorization: Api-Key ${server.key}`)
    const start = `${head}{"folderId":"default","content":"aGVsbG8h`
    const answer = await answerToStalled(t, start, isBlob)
    assert.equal(answer.status, 504)
    const { code, message } = JSON.parse(answer.body)
    assert.deepEqual([code, message], [4, MESSAGE])
    await new YandexRest(server).stored()
  })
}

function headOfPost(path: string, lengthBytes: number, ...fields: string[]): string {
  const length = `content-length: ${lengthBytes}`
  return [`POST ${path} HTTP/1.1`, 'host: x', length, ...fields, '', ''].join('\r\n')
}

/**
 * What is answered to the beginning of a request of which no more comes, exactly when its time is over; nothing is kept of
 * it. Only the timers that watch over bodies are moved.
 */
async function answerToStalled(
  t: TestContext,
  start: string,
  isBlob = true,
): Promise<ReturnType<typeof readAnswer>> {
  const [bytes, usage] = [await keptBytes(server), await settledUsage(server)]
  t.mock.timers.enable({ apis: ['setInterval'] })
  const watchdogs = t.mock.method(globalThis, 'setInterval').mock
  const connection = await RawConnection.open(server.url)
  connection.write(start)
  while (!watchdogs.calls.some((call) => call.arguments[1] === PATIENCE_MS)) await delay(2)
  if (isBlob) await bodyBegun(server, bytes)
  await othersAnswered()
  t.mock.timers.tick(PATIENCE_MS - 1)
  await othersAnswered()
  assert.equal(connection.received, '')
  t.mock.timers.tick(1)
  const answer = readAnswer(await connection.until(/\}$/))
  connection.end()
  assert.deepEqual(await settledBytes(server, bytes), bytes)
  assert.deepEqual(await settledUsage(server), usage)
  return answer
}

/** Requests that go all the way to the disk, one after another: by then another has got where it gets without more bytes. */
async function othersAnswered(): Promise<void> {
  for (let n = 0; n < 5; n++) assert.equal((await fetch(`${server.url}/readyz`)).status, 200)
}
