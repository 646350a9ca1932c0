import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Upload, type UploadOptions } from 'tus-js-client'
import { TestServer } from '../../../test/harness.ts'
import { contentOf, offsetAt, openUpload } from './draft.harness.ts'

const SIZE_BYTES = 90_000

/** No typed option yet. */
const draft = { protocol: 'ietf-draft-05' }

const ways: Readonly<Record<string, Partial<UploadOptions>>> = {
  'an empty first request': {},
  'an empty first request and parts': { chunkSize: 40_000 },
  'parts from the first request on': { uploadDataDuringCreation: true, chunkSize: 40_000 },
  'one request': { uploadDataDuringCreation: true },
}

test("tus-js-client uploads by the IETF's draft", async (t) => {
  const server = await TestServer.start({ ENTREPOT_RESUMABLE_DRAFT: 'on' })
  t.after(() => server.stop())
  for (const [name, options] of Object.entries(ways)) {
    const { id, url: endpoint } = await openUpload(server)
    const content = Buffer.alloc(SIZE_BYTES, 'abcdefg')
    await new Promise<void>((resolve, reject) => {
      const ends = { onSuccess: () => resolve(), onError: reject }
      new Upload(content, {
        endpoint,
        ...draft,
        retryDelays: null,
        ...options,
        ...ends,
      }).start()
    })
    assert.equal(await contentOf(server, id), content.toString(), name)
    assert.equal((await offsetAt(endpoint)).complete, '?1')
  }
})
