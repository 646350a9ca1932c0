import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../harness.ts'
import { classOf, ways } from './anthropic-sdk.ts'
import { collect, refusal } from './llamacloud-sdk.ts'

let server: TestServer

before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

for (const way of ways) {
  test(`${way.name}: a file is uploaded, found, listed, downloaded and deleted`, async () => {
    const files = way.open(server)
    const file = await way.toFile(Buffer.from('some bytes'), 'notes.txt')
    const { id, ...uploaded } = await files.upload({ file })
    assert.equal(uploaded.filename, 'notes.txt')
    assert.equal((await files.retrieveMetadata(id)).size_bytes, 10)
    assert.deepEqual(
      (await collect(files.list({ limit: 1 }))).map((each) => each.id),
      [id],
    )
    assert.equal(await (await files.download(id)).text(), 'some bytes')
    const { id: deleted, type } = await files.delete(id)
    assert.deepEqual([deleted, type], [id, 'file_deleted'])
    const NotFound = classOf(way, 'NotFoundError')
    assert.ok(NotFound)
    const error = await refusal(files.retrieveMetadata(id), NotFound)
    assert.match((error as Error & { requestID?: string }).requestID ?? '', /^req_[0-9a-f]{32}$/)
  })
}
