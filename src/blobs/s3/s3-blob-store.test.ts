import { after } from 'node:test'
import { S3TestServer } from '../../../test/s3/server.ts'
import { describeBlobStore } from '../blob-store.conformance.ts'
import { openPartRoom, placeOn } from './s3.harness.ts'
import { S3BlobStore } from './s3-blob-store.ts'

const full = await S3TestServer.start()
const bare = await S3TestServer.start({
  noConditions: true,
  noChecksums: true,
  opaqueEtags: true,
  pageSize: 7,
})
const roomy = await openPartRoom()
const spoolOnly = await openPartRoom({ memoryBytes: 0 })
after(() => Promise.all([full.stop(), bare.stop()]))

describeBlobStore('the S3 store', () => S3BlobStore.open(placeOn(full), roomy))
describeBlobStore('the S3 store on a bare server', () => S3BlobStore.open(placeOn(bare), roomy))
// No byte gets memory.
describeBlobStore('the S3 store with its spool alone', () => S3BlobStore.open(placeOn(full), spoolOnly))
