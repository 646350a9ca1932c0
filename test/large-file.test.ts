import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FileBody } from '../src/admin/files/schemas.ts'
import { AdminClient } from './admin-client.ts'
import { ApiClient, type CreatedBody } from './faults/api-client.ts'
import { ROOT_KEY, ServerProcess, whyNotMeasured } from './faults/server-process.ts'
import { getLarge, putLarge } from './large-body.ts'
import { newFolder } from './new-folder.ts'
import { isLong } from './rounds.ts'

const MEBIBYTE = 1024 * 1024
/** In a long run the largest that the Lightfield dialect takes. */
const LARGE_MEBIBYTES = isLong ? 512 : 160
const LARGE_BYTES = LARGE_MEBIBYTES * MEBIBYTE
const MAX_GROWTH_BYTES = 64 * MEBIBYTE
const MIME_TYPE = 'application/octet-stream'
const skip = whyNotMeasured()

test(`a file of ${LARGE_MEBIBYTES} MiB comes back byte-exact and costs no memory`, { skip }, async (t) => {
  const dataDir = newFolder('entrepot-large-')
  const server = await ServerProcess.start({ dataDir })
  t.after(() => server.end('SIGKILL'))
  // The first requests cost most: workers, compiled code, slabs.
  server.forgetPeakMemory()
  const before = server.memoryBytes('VmRSS')
  await roundTrip(server.url, LARGE_BYTES)
  const growth = server.memoryBytes('VmHWM') - before
  t.diagnostic(`resident ${inMebibytes(before)} at the start, at most ${inMebibytes(growth)} more`)
  assert.ok(growth < MAX_GROWTH_BYTES, `grew by ${inMebibytes(growth)}`)
})

/** Create, PUT, complete with the MD5, link, GET; and a copy on the server. */
async function roundTrip(url: string, sizeBytes: number): Promise<void> {
  const client = new ApiClient(url)
  const created = await client.create({ filename: 'large.bin', mimeType: MIME_TYPE, sizeBytes })
  const { id, uploadUrl } = JSON.parse(created.text) as CreatedBody
  const sent = await putLarge(uploadUrl, { 'content-type': MIME_TYPE }, sizeBytes)
  const completed = await client.complete(id, sent.md5)
  assert.equal(completed.status, 200, completed.text)
  const link = await client.link(id)
  const got = await getLarge((JSON.parse(link.text) as { url: string }).url)
  assert.deepEqual([got.sizeBytes, got.sha256], [sizeBytes, sent.sha256])
  const admin = new AdminClient({ url, key: ROOT_KEY })
  const copy = await admin.send<FileBody>('POST', `/files/${id}/copies`, {})
  assert.deepEqual([copy.status, copy.body.sha256, copy.body.md5], [201, sent.sha256, sent.md5])
}

function inMebibytes(bytes: number): string {
  return `${(bytes / MEBIBYTE).toFixed(1)} MiB`
}
