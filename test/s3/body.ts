import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { crc32 } from 'node:zlib'

/** Bytes that can be read any number of times. */
export interface Bytes {
  readonly size: number
  open(): Readable
}

/** What came in, or was put together of what did. Digests are in hexadecimal. */
export interface Body extends Bytes {
  readonly md5: string
  readonly sha256: string
  readonly crc32: number
  slice(begin: number, end: number): Bytes
}

/** What is larger goes into a file, so that large bodies cost no memory. */
const MOST_IN_MEMORY_BYTES = 32 * 1024 * 1024

/** Reads `source`, of about `size` bytes, to its end. `newFile` is asked for a path if a file is needed. */
export async function readBody(
  source: AsyncIterable<Buffer>,
  size: number,
  newFile: () => Promise<string>,
): Promise<Body> {
  const digests = new Digests()
  if (size > MOST_IN_MEMORY_BYTES) {
    const path = await newFile()
    await pipeline(source, (chunks) => digests.passing(chunks), createWriteStream(path))
    return bodyOf(digests, (start, end) => createReadStream(path, { start, end: end - 1 }))
  }
  const bytes = Buffer.concat(await Array.fromAsync(digests.passing(source)))
  return bodyOf(digests, (start, end) => Readable.from([bytes.subarray(start, end)]))
}

class Digests {
  readonly md5 = createHash('md5')
  readonly sha256 = createHash('sha256')
  crc32 = 0
  size = 0

  async *passing(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      this.md5.update(chunk)
      this.sha256.update(chunk)
      this.crc32 = crc32(chunk, this.crc32)
      this.size += chunk.byteLength
      yield chunk
    }
  }
}

function bodyOf({ md5, sha256, crc32, size }: Digests, open: (start: number, end: number) => Readable): Body {
  return {
    size,
    md5: md5.digest('hex'),
    sha256: sha256.digest('hex'),
    crc32,
    open: () => open(0, size),
    slice: (begin, end) => ({ size: end - begin, open: () => open(begin, end) }),
  }
}
