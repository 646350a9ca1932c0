import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { Upload } from 'tus-js-client'
import { ROOT_KEY } from './faults/server-process.ts'
import { RETRY_DELAYS_MS, storedBytes, TroubledServer, uploadBytes } from './troubled-upload.ts'

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
