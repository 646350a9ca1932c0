import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream, openAsBlob } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { crc32 } from 'node:zlib'

/** What came in, or was put together of what did. Digests are in hexadecimal. */
export interface Body {
  readonly bytes: Blob
  readonly md5: string
  readonly sha256: string
  readonly crc32: number
}

/** What is larger goes into a file, so that large bodies cost no memory. */
const MOST_IN_MEMORY_BYTES = 32 * 1024 * 1024

/** Reads a request to its end. `folder` is asked for if a file is needed. */
export async function receiveBody(request: IncomingMessage, folder: () => Promise<string>): Promise<Body> {
  if (Number(request.headers['content-length'] ?? 0) <= MOST_IN_MEMORY_BYTES)
    return describeBody(new Blob(await Array.fromAsync(request as AsyncIterable<Buffer<ArrayBuffer>>)))
  const path = join(await folder(), randomUUID())
  await pipeline(request, createWriteStream(path))
  return describeBody(await openAsBlob(path))
}

export async function describeBody(bytes: Blob): Promise<Body> {
  const [md5, sha256] = [createHash('md5'), createHash('sha256')]
  let sum = 0
  for await (const chunk of bytes.stream()) {
    md5.update(chunk)
    sha256.update(chunk)
    sum = crc32(chunk, sum)
  }
  return { bytes, md5: md5.digest('hex'), sha256: sha256.digest('hex'), crc32: sum }
}
