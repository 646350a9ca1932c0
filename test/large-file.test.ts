import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import { ApiClient, type CreatedBody } from './faults/api-client.ts'
import { ServerProcess } from './faults/server-process.ts'

const MEBIBYTE = 1024 * 1024
/** The largest that the Lightfield dialect takes. */
const LARGE_BYTES = 512 * MEBIBYTE
const WARM_UP_BYTES = 4 * MEBIBYTE
const MAX_GROWTH_BYTES = 64 * MEBIBYTE
const CHUNK_BYTES = 256 * 1024
const MIME_TYPE = 'application/octet-stream'
const skip = process.platform === 'linux' ? false : 'reads the memory of a process from /proc'

test('a file of 512 MiB comes back byte-exact and costs no memory', { skip }, async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'entrepot-large-'))
  t.after(() => rm(dataDir, { recursive: true, force: true }))
  const server = await ServerProcess.start({ dataDir })
  t.after(() => server.end('SIGKILL'))
  // Workers, compiled code and buffers that stay: what any upload costs once.
  for (let n = 0; n < 5; n++) await roundTrip(server.url, WARM_UP_BYTES)

  server.forgetPeakMemory()
  const before = server.memoryBytes('VmRSS')
  await roundTrip(server.url, LARGE_BYTES)
  const growth = server.memoryBytes('VmHWM') - before
  t.diagnostic(`resident ${inMebibytes(before)} before, at most ${inMebibytes(growth)} more`)
  assert.ok(growth < MAX_GROWTH_BYTES, `grew by ${inMebibytes(growth)}`)
})

/** Create, PUT, complete with the MD5, link, GET. */
async function roundTrip(url: string, sizeBytes: number): Promise<void> {
  const client = new ApiClient(url)
  const created = await client.create({ filename: 'large.bin', mimeType: MIME_TYPE, sizeBytes })
  const { id, uploadUrl } = JSON.parse(created.text) as CreatedBody
  const sent = await put(uploadUrl, sizeBytes)
  const completed = await client.complete(id, sent.md5)
  assert.equal(completed.status, 200, completed.text)
  const link = await client.link(id)
  assert.deepEqual(await get((JSON.parse(link.text) as { url: string }).url), {
    sizeBytes,
    sha256: sent.sha256,
  })
}

async function put(url: string, sizeBytes: number): Promise<{ sha256: string; md5: string }> {
  const sha256 = createHash('sha256')
  const md5 = createHash('md5')
  const headers = { 'content-type': MIME_TYPE, 'content-length': sizeBytes }
  const outgoing = request(url, { method: 'PUT', headers })
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve).once('error', reject)
  })
  const bytes = Readable.from(changingBytes(sizeBytes), { objectMode: false, highWaterMark: CHUNK_BYTES })
  bytes.on('data', (chunk: Buffer) => {
    sha256.update(chunk)
    md5.update(chunk)
  })
  await pipeline(bytes, outgoing)
  const answer = await answered
  answer.resume()
  assert.equal(answer.statusCode, 200)
  return { sha256: sha256.digest('hex'), md5: md5.digest('hex') }
}

/** The same for the same size, and no two chunks alike. */
function* changingBytes(sizeBytes: number): Generator<Buffer> {
  const pattern = Buffer.alloc(CHUNK_BYTES)
  for (let i = 0; i < pattern.length; i += 4) pattern.writeUInt32LE(Math.imul(i + 1, 0x9e3779b1) >>> 0, i)
  for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
    const chunk = Buffer.from(pattern.subarray(0, Math.min(CHUNK_BYTES, sizeBytes - at)))
    chunk.writeUInt32LE(at, 0)
    yield chunk
  }
}

async function get(url: string): Promise<{ sizeBytes: number; sha256: string }> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url).once('response', resolve).once('error', reject).end()
  })
  assert.equal(answer.statusCode, 200)
  const sha256 = createHash('sha256')
  let sizeBytes = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    sha256.update(chunk)
    sizeBytes += chunk.length
  }
  return { sizeBytes, sha256: sha256.digest('hex') }
}

function inMebibytes(bytes: number): string {
  return `${(bytes / MEBIBYTE).toFixed(1)} MiB`
}
