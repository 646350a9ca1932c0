import { hash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Digests, IncomingBody, WholeDigest } from '../core/incoming-body.ts'
import type { Holding } from '../core/limits/fair-budget.ts'
import { type BodyLimits, BodySource } from './body-source.ts'
import type { CarriedBody } from './carried-digests.ts'
import { crc32c, hexOfCrc } from './crc32c.ts'
import type { ComputedDigests } from './digest-pool.ts'
import type { DigestAlgorithm, FurtherDigests, HexDigests } from './digests.ts'
import { type ChunkMemory, SlabPipe } from './slabs.ts'

/** Computed beside SHA-256. */
export interface WantedDigests {
  readonly md5: boolean
  readonly further?: FurtherDigests
  /** The upload that this body continues, to know the SHA-256 of the whole. */
  readonly carried?: CarriedBody
  /** Looks at all that were computed, unless the body broke off; if it throws, the iteration throws that at its end. */
  readonly check?: (digests: HexDigests) => void
}

/** Smaller bodies are hashed where they are: a worker's answer would take longer, and 64 KiB block for 0.2 ms. */
const SMALL_BODY_BYTES = 64 * 1024

/**
 * Bytes of a request, or of a part of one, on their way in. Reading starts with the iteration. After a failure the
 * rest of the request is left unread, its socket open: the caller answers, then closes the connection.
 * Large bodies take 256 KiB here, whatever their size, and up to 1 MiB as far as `charged` can grow; it is released at the end.
 */
export function receiveBody(
  source: AsyncIterable<Uint8Array>,
  limits: BodyLimits,
  { md5, further: others = [], carried, check }: WantedDigests,
  memory: ChunkMemory = 'kept',
  charged?: Holding,
): IncomingBody {
  const further = md5 && !others.includes('md5') ? [...others, 'md5' as const] : others
  let known: Digests | undefined
  let whole: WholeDigest | undefined
  let brokenBy: Error | undefined
  const settle = (source: BodySource, digests: ComputedDigests) => {
    const { own } = digests
    ;({ brokenBy } = source)
    if (!brokenBy) check?.(own)
    ;({ whole } = digests)
    known = { sizeBytes: source.sizeBytes, sha256: own.sha256, md5: own.md5 ?? null }
  }
  async function* pass(chunks: BodySource): AsyncGenerator<Uint8Array, void> {
    try {
      const { bytes, isWhole } = await readHead(chunks)
      // A state of SHA-256 stays with its worker, so a body that continues one goes there, however small it is.
      if (isWhole && (carried === undefined || bytes.byteLength === 0)) {
        settle(chunks, { own: digestsOf(bytes, further), whole: undefined })
        if (bytes.byteLength > 0) yield bytes
        return
      }
      const digests = yield* new SlabPipe(chunks, { further, carried }, memory, charged).pour(bytes)
      settle(chunks, digests)
    } finally {
      chunks.close()
    }
  }
  return {
    digests: () => {
      if (known === undefined) throw new Error('the body has not passed yet')
      return known
    },
    get whole() {
      return whole
    },
    get brokenBy() {
      return brokenBy
    },
    [Symbol.asyncIterator]: () => {
      const chunks = new BodySource(source, limits)
      const passing = pass(chunks)
      return {
        next: () => passing.next(),
        // A generator that waits cannot be told to stop; closing its source ends the wait.
        return: () => {
          chunks.close()
          return passing.return()
        },
      }
    },
  }
}

/** The first bytes: all of a small body, or more than a small body has. */
async function readHead(source: BodySource): Promise<{ bytes: Uint8Array; isWhole: boolean }> {
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  let chunk: Uint8Array | undefined
  while (sizeBytes <= SMALL_BODY_BYTES) {
    chunk = await source.next()
    if (chunk === undefined) break
    chunks.push(chunk)
    sizeBytes += chunk.byteLength
  }
  const [first] = chunks
  const bytes = first && chunks.length === 1 ? first : Buffer.concat(chunks)
  return { bytes, isWhole: chunk === undefined }
}

function digestsOf(bytes: Uint8Array, further: FurtherDigests): HexDigests {
  const others = further.map((algorithm) => [algorithm, hexDigest(algorithm, bytes)])
  return { sha256: hexDigest('sha256', bytes), ...Object.fromEntries(others) }
}

function hexDigest(algorithm: DigestAlgorithm, bytes: Uint8Array): string {
  if (algorithm === 'crc32') return hexOfCrc(crc32(bytes))
  if (algorithm === 'crc32c') return hexOfCrc(crc32c(bytes))
  return hash(algorithm, bytes, 'hex')
}
