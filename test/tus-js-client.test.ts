import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { after, before, type TestContext, test } from 'node:test'
import { Upload, type UploadOptions } from 'tus-js-client'
import { readLink } from '../src/core/links/link-token.ts'
import { ROOT_KEY } from './faults/server-process.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient } from './lightfield-client.ts'
import { linkToken } from './link-token.ts'
import { RETRY_DELAYS_MS, storedBytes, TroubledServer, uploadBytes } from './troubled-upload.ts'
import { head, TusClient } from './tus-client.ts'

let calm: TestServer

before(async () => {
  calm = await TestServer.start()
})
after(() => calm.stop())

const SMALL = randomBytes(300_000)

/** Uploads to a server without trouble. @returns the link of the upload */
function upload(source: Buffer | Readable, options: UploadOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const running = new Upload(source as ConstructorParameters<typeof Upload>[0], {
      endpoint: `${calm.url}/tus`,
      headers: { authorization: `Bearer ${calm.key}` },
      retryDelays: null,
      onSuccess: () => resolve(running.url ?? ''),
      onError: reject,
      ...options,
    })
    running.start()
  })
}

/** As its documentation has them (tus-js-client, `docs/api.md`). */
const ways: Readonly<Record<string, () => Promise<string>>> = {
  'in chunks': () => upload(SMALL, { chunkSize: 70_000 }),
  'with bytes in the creation': () => upload(SMALL, { uploadDataDuringCreation: true }),
  'with POST for PATCH': () => upload(SMALL, { overridePatchMethod: true }),
  'of a length that is known last': () =>
    upload(Readable.from(halves()), { uploadLengthDeferred: true, chunkSize: 100_000 }),
  'of no bytes': () => upload(Buffer.alloc(0)),
}

function* halves(): Generator<Buffer> {
  yield SMALL.subarray(0, SMALL.length / 2)
  yield SMALL.subarray(SMALL.length / 2)
}

for (const [way, run] of Object.entries(ways)) {
  test(`tus-js-client uploads ${way}`, async () => {
    const { fileId } = readLink(linkToken(await run())) ?? assert.fail('no link')
    const link = await new LightfieldClient(calm).link(fileId)
    const content = Buffer.from(await (await fetch(link)).arrayBuffer())
    assert.deepEqual(content, way === 'of no bytes' ? Buffer.alloc(0) : SMALL)
  })
}

test('tus-js-client ends an upload', async () => {
  const link = await new TusClient(calm).created(10)
  await Upload.terminate(link, { retryDelays: null })
  assert.equal((await head(link)).status, 410)
})

test('tus-js-client in Node uploads through cut connections and killed servers', async (t: TestContext) => {
  const server = await TroubledServer.start()
  t.after(() => server.stop())
  const bytes = uploadBytes()
  await new Promise<void>((resolve, reject) => {
    const upload = new Upload(bytes, {
      endpoint: `${server.url}/tus`,
      headers: { authorization: `Bearer ${ROOT_KEY}` },
      metadata: { filename: 'data.bin', filetype: 'application/x-own' },
      retryDelays: [...RETRY_DELAYS_MS],
      onSuccess: () => resolve(),
      onError: reject,
    })
    upload.start()
  })
  const { content, file } = await storedBytes(server.url)
  assert.deepEqual([file.filename, file.mimeType], ['data.bin', 'application/x-own'])
  t.diagnostic(JSON.stringify(server.judge(hash('sha256', bytes), content)))
})
