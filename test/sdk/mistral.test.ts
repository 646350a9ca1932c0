/** The vendor's TypeScript SDK, unmodified, old and new. All it can do is in `mistral-*.suite.ts`. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../harness.ts'
import { bytesOf, refusal, sdks } from './mistral-sdk.ts'

let server: TestServer

before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

for (const sdk of sdks)
  test(`@mistralai/mistralai ${sdk.version} uploads, finds, reads, links and deletes a file, on the bare path as below /mistral`, async () => {
    for (const serverURL of [`${server.url}/mistral`, server.url]) {
      const client = sdk.clientOf(server, { serverURL })
      const content = new TextEncoder().encode('%PDF-1.7 a scan')
      const made = await client.files.upload({ file: { fileName: 'scan.pdf', content }, purpose: 'ocr' })
      assert.deepEqual([made.filename, made.sizeBytes, made.sampleType], ['scan.pdf', 15, 'ocr_input'])
      const { data, total } = await client.files.list({ search: 'scan' })
      assert.deepEqual([data.map(({ id }) => id), total], [[made.id], 1])
      assert.equal((await client.files.retrieve({ fileId: made.id })).deleted, false)
      assert.deepEqual(await bytesOf(client, made.id), Buffer.from(content))
      const { url } = await client.files.getSignedUrl({ fileId: made.id })
      const response = await fetch(url)
      assert.equal(response.headers.get('content-type'), 'application/pdf')
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from(content))
      const gone = await client.files.delete({ fileId: made.id })
      assert.deepEqual([gone.id, gone.deleted], [made.id, true])
      const error = await refusal(sdk, client.files.retrieve({ fileId: made.id }))
      assert.deepEqual([error.statusCode, error.body], [404, '{"detail":"File not found"}'])
    }
  })
