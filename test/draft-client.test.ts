import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { DraftClient, type DraftUpload } from './draft-client.ts'
import { ROOT_KEY } from './faults/server-process.ts'
import { isLong } from './rounds.ts'
import { storedBytes, TroubledServer, UPLOAD_BYTES, uploadBytes } from './troubled-upload.ts'

/** Where an upload by the draft can begin. */
async function linkAt(server: TroubledServer): Promise<string> {
  const answer = await fetch(`${server.url}/tus`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${ROOT_KEY}`,
      'tus-resumable': '1.0.0',
      'upload-length': String(UPLOAD_BYTES),
      'upload-metadata': `filename ${btoa('data.bin')}`,
    },
  })
  return answer.headers.get('location') ?? assert.fail(await answer.text())
}

const ways: readonly { name: string; options: DraftUpload; skip: string | false }[] = [
  // Longer than the bytes after which connections are cut, so that they are cut in the middle of a request.
  { name: 'in parts', options: { isCareful: true, requestBytes: UPLOAD_BYTES / 5 }, skip: false },
  {
    name: 'with all that is left in each request',
    options: { method: 'PUT' },
    skip: !isLong && 'only under npm run test:all: much like the other',
  },
]

for (const { name, options, skip } of ways)
  test(`a client of the IETF's draft uploads ${name} through cut connections and killed servers`, {
    skip,
  }, async (t: TestContext) => {
    const server = await TroubledServer.start({ settings: { ENTREPOT_RESUMABLE_DRAFT: 'on' } })
    t.after(() => server.stop())
    const bytes = uploadBytes()
    const client = new DraftClient(bytes)
    const { status } = await client.upload(await linkAt(server), options)
    assert.equal(status, 200)
    const { content } = await storedBytes(server.url)
    t.diagnostic(JSON.stringify(server.judge(hash('sha256', bytes), content)))
  })
