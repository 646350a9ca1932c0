import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3'
import { reconcile } from '../src/core/upkeep/reconcile.ts'
import { parseFileId } from '../src/dialects/all.ts'
import { TestServer } from './harness.ts'
import { announcing, LightfieldClient, md5Of, ok, putBytes } from './lightfield-client.ts'
import { onlyLong } from './rounds.ts'
import { s3Settings } from './s3/settings.ts'
import { Versitygw, whyNoVersitygw } from './s3/versitygw.ts'

const reason = onlyLong || whyNoVersitygw()

describe('an installation on versitygw', { skip: reason ?? false }, () => {
  let s3: Versitygw
  before(async () => {
    s3 = await Versitygw.start()
  })
  after(() => s3.stop())

  for (const direct of ['off', 'on']) {
    test(`keeps a file of several parts, with direct transfer ${direct}`, async (t) => {
      const settings = { ENTREPOT_S3_PREFIX: `${direct}/`, ENTREPOT_DIRECT_TRANSFER: direct }
      const server = await TestServer.start({ ...s3Settings(s3), ...settings })
      t.after(() => server.stop())
      const client = new LightfieldClient(server)
      const bytes = randomBytes(40 * 1024 * 1024 + 7)
      const upload = await client.pending({
        filename: 'ä b.bin',
        mimeType: 'application/octet-stream',
        sizeBytes: bytes.byteLength,
      })
      assert.equal(upload.uploadUrl.startsWith(s3.endpoint), direct === 'on')
      assert.equal((await putBytes(upload, bytes)).status, 200)
      ok(await client.complete(upload.id, { md5: md5Of(bytes) }))
      const answer = await fetch(await client.link(upload.id))
      assert.equal(
        answer.headers.get('content-disposition'),
        `attachment; filename="_ b.bin"; filename*=UTF-8''%C3%A4%20b.bin`,
      )
      assert.ok(bytes.equals(Buffer.from(await answer.arrayBuffer())))
      const row = await server.app.services.metadata.findFile(parseFileId(upload.id) ?? '')
      assert.equal(row?.sha256, createHash('sha256').update(bytes).digest('hex'))
      // A URL takes one length and one type.
      const other = await client.pending()
      assert.notEqual((await putBytes(other, 'hello!')).status, 200)
      assert.notEqual((await putBytes(other, 'hello', { 'content-type': 'text/html' })).status, 200)
      assert.equal((await putBytes(other, 'hello')).status, 200)
      const { orphans, damaged } = await reconcile(server.app.services, false)
      assert.deepEqual([orphans, damaged], [[], []])
    })
  }

  test('takes the announced bytes and no others, and they are put with their digest', async (t) => {
    const settings = { ENTREPOT_S3_PREFIX: 'announced/', ENTREPOT_DIRECT_TRANSFER: 'on' }
    const server = await TestServer.start({ ...s3Settings(s3), ...settings })
    t.after(() => server.stop())
    const client = new LightfieldClient(server)
    const upload = ok(await client.create({}, announcing('right')))
    assert.ok(upload.uploadUrl.startsWith(s3.endpoint))
    const name = 'x-amz-checksum-sha256'
    assert.ok(upload.uploadHeaders[name])
    assert.equal((await putBytes(upload, 'wrong')).status, 400)
    const other = createHash('sha256').update('wrong').digest('base64')
    for (const bytes of ['right', 'wrong'])
      for (const digest of [undefined, other])
        assert.equal((await putBytes(upload, bytes, { [name]: digest })).status, 403)
    assert.equal((await client.complete(upload.id)).status, 422)
    assert.equal((await putBytes(upload, 'right')).status, 200)
    ok(await client.complete(upload.id, { md5: md5Of('right') }))
    assert.equal(await (await fetch(await client.link(upload.id))).text(), 'right')
  })

  test('does not start on a bucket that keeps old versions', async () => {
    const { endpoint, credentials } = s3
    const client = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true })
    await client.send(new CreateBucketCommand({ Bucket: 'versions' }))
    const VersioningConfiguration = { Status: 'Enabled' } as const
    await client.send(new PutBucketVersioningCommand({ Bucket: 'versions', VersioningConfiguration }))
    client.destroy()
    const started = TestServer.start({ ...s3Settings(s3), ENTREPOT_S3_BUCKET: 'versions' })
    await assert.rejects(started, /keeps old versions/)
  })
})
