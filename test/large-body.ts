/** Bodies that are made and checked as they go, so that whoever sends or gets them needs no memory for them. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

const CHUNK_BYTES = 256 * 1024

/** @returns the digests of what was sent, in hexadecimal */
export async function putLarge(
  url: string,
  headers: OutgoingHttpHeaders,
  sizeBytes: number,
): Promise<{ readonly sha256: string; readonly md5: string }> {
  const sha256 = createHash('sha256')
  const md5 = createHash('md5')
  const outgoing = request(url, { method: 'PUT', headers: { ...headers, 'content-length': sizeBytes } })
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

export async function getLarge(url: string): Promise<{
  readonly headers: IncomingMessage['headers']
  readonly sizeBytes: number
  readonly sha256: string
}> {
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
  return { headers: answer.headers, sizeBytes, sha256: sha256.digest('hex') }
}
