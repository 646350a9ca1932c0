import { after, test } from 'node:test'
import { Versitygw, whyNoVersitygw } from '../../../test/s3/versitygw.ts'
import { describeBlobStore } from '../blob-store.conformance.ts'
import { newKey } from '../blob-store.samples.ts'
import { openPartRoom } from './part-room.harness.ts'
import { S3BlobStore } from './s3-blob-store.ts'

const reason = whyNoVersitygw()

if (reason !== undefined) test('the S3 store on versitygw', { skip: reason }, () => {})
else {
  const server = await Versitygw.start()
  const room = await openPartRoom()
  after(() => server.stop())
  const { bucket, endpoint, credentials } = server
  describeBlobStore('the S3 store on versitygw', () =>
    S3BlobStore.open(
      { bucket, endpoint, credentials, prefix: `${newKey()}/`, region: 'us-east-1', pathStyle: true },
      room,
    ),
  )
}
