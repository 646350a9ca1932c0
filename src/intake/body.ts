import type { Digests, IncomingBody } from '../core/incoming-body.ts'
import type { Holding } from '../core/limits/fair-budget.ts'
import { type ChunkMemory, SlabPipe } from './body-slabs.ts'
import { type BodyLimits, BodySource } from './body-source.ts'
import { digestsOf, type FurtherDigests, type HexDigests } from './digests.ts'

export type { BodyLimits } from './body-source.ts'

/** SHA-256 is always computed. */
export interface WantedDigests {
  readonly md5: boolean
  readonly further?: FurtherDigests
  /** Looks at all that were computed; if it throws, the iteration throws that at its end. */
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
  wanted: WantedDigests,
  memory: ChunkMemory = 'kept',
  charged?: Holding,
): IncomingBody {
  return new ReceivedBody(source, limits, wanted, memory, charged)
}

class ReceivedBody implements IncomingBody {
  readonly #source: AsyncIterable<Uint8Array>
  readonly #limits: BodyLimits
  readonly #wanted: WantedDigests
  readonly #memory: ChunkMemory
  readonly #charged: Holding | undefined
  #digests: Digests | undefined

  constructor(
    source: AsyncIterable<Uint8Array>,
    limits: BodyLimits,
    wanted: WantedDigests,
    memory: ChunkMemory,
    charged: Holding | undefined,
  ) {
    this.#memory = memory
    this.#charged = charged
    this.#source = source
    this.#limits = limits
    this.#wanted = wanted
  }

  digests(): Digests {
    if (this.#digests === undefined) throw new Error('the body has not passed yet')
    return this.#digests
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const source = new BodySource(this.#source, this.#limits)
    const chunks = this.#receive(source)
    return {
      next: () => chunks.next(),
      // A generator that waits cannot be told to stop; closing its source ends the wait.
      return: () => {
        source.close()
        return chunks.return()
      },
    }
  }

  async *#receive(source: BodySource): AsyncGenerator<Uint8Array, void> {
    try {
      const { bytes, isWhole } = await readHead(source)
      const { md5, further: others = [] } = this.#wanted
      const further = md5 && !others.includes('md5') ? [...others, 'md5' as const] : others
      if (isWhole) {
        this.#settle(bytes.byteLength, digestsOf(bytes, further))
        if (bytes.byteLength > 0) yield bytes
        return
      }
      const digests = yield* new SlabPipe(source, further, this.#memory, this.#charged).pour(bytes)
      this.#settle(source.sizeBytes, digests)
    } finally {
      source.close()
    }
  }

  #settle(sizeBytes: number, digests: HexDigests): void {
    this.#wanted.check?.(digests)
    this.#digests = { sizeBytes, sha256: digests.sha256, md5: digests.md5 ?? null }
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
