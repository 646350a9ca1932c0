import { after, test } from 'node:test'
import { Versitygw, whyNoVersitygw } from '../../../test/s3/versitygw.ts'
import { describeBlobStore } from '../blob-store.conformance.ts'
import { openPartRoom, placeOn } from './s3.harness.ts'
import { S3BlobStore } from './s3-blob-store.ts'

const reason = whyNoVersitygw()

if (reason !== undefined) test('the S3 store on versitygw', { skip: reason }, () => {})
else {
  const server = await Versitygw.start()
  const room = await openPartRoom()
  after(() => server.stop())
  describeBlobStore('the S3 store on versitygw', () => S3BlobStore.open(placeOn(server), room))
}
