import { hash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Digests, IncomingBody, WholeDigest } from '../core/incoming-body.ts'
import type { Holding } from '../core/limits/fair-budget.ts'
import { type BodyLimits, BodySource, type ChunkSink } from './body-source.ts'
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
 * Large bodies take 256 KiB here, whatever their size, and up to 1.75 MiB as far as `charged` can grow; it is released at the
 * end.
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
  async function* pass(intake: Intake, body: BodySource): AsyncGenerator<Uint8Array, void> {
    try {
      const first = await intake.first()
      if (first instanceof SlabPipe) {
        const digests = yield* first.pour()
        if (digests !== undefined) settle(body, digests)
      } else if (first !== undefined) {
        settle(body, { own: digestsOf(first, further), whole: undefined })
        if (first.byteLength > 0) yield first
      }
    } finally {
      body.close()
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
      const openPipe = () => new SlabPipe({ further, carried }, memory, charged, () => body.resume())
      const intake = new Intake(openPipe, carried !== undefined)
      const body = new BodySource(source, limits, intake)
      const passing = pass(intake, body)
      return {
        next: () => passing.next(),
        return: async () => {
          body.close()
          // A generator that waits cannot be told to stop; ending what it waits for ends the wait.
          intake.giveUp()
          try {
            return await passing.return()
          } finally {
            intake.close()
          }
        },
      }
    },
  }
}

/** Gathers a small body; passes a larger one on to slabs. */
class Intake implements ChunkSink {
  readonly #openPipe: () => SlabPipe
  readonly #pipesAll: boolean
  readonly #first = Promise.withResolvers<Uint8Array | SlabPipe | undefined>()
  readonly #head: Uint8Array[] = []
  #headBytes = 0
  #pipe: SlabPipe | undefined

  /** @param pipesAll A state of SHA-256 stays with its worker, so a body that continues one goes there, however small it is. */
  constructor(openPipe: () => SlabPipe, pipesAll: boolean) {
    this.#openPipe = openPipe
    this.#pipesAll = pipesAll
    // Nobody may be waiting yet, or any more.
    this.#first.promise.catch(() => {})
  }

  /** All bytes of a small body, or what passes a larger one on; undefined if it was given up before. */
  first(): Promise<Uint8Array | SlabPipe | undefined> {
    return this.#first.promise
  }

  write(chunk: Uint8Array): boolean {
    if (this.#pipe !== undefined) return this.#pipe.write(chunk)
    this.#head.push(chunk)
    this.#headBytes += chunk.byteLength
    return this.#headBytes <= SMALL_BODY_BYTES || this.#pourHead(this.#openPipe())
  }

  end(): void {
    if (this.#pipe === undefined && this.#pipesAll && this.#headBytes > 0) this.#pourHead(this.#openPipe())
    const [first] = this.#head
    if (this.#pipe !== undefined) this.#pipe.end()
    else this.#first.resolve(first && this.#head.length === 1 ? first : Buffer.concat(this.#head))
  }

  fail(error: Error): void {
    this.#first.reject(error)
    this.#pipe?.fail(error)
  }

  /** Who reads waits for nothing more. */
  giveUp(): void {
    this.#first.resolve(undefined)
    this.#pipe?.giveUp()
  }

  close(): void {
    this.#pipe?.close()
  }

  #pourHead(pipe: SlabPipe): boolean {
    this.#pipe = pipe
    this.#first.resolve(pipe)
    let takesMore = true
    for (const chunk of this.#head.splice(0)) takesMore = pipe.write(chunk)
    return takesMore
  }
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
