import { createHash, type Hash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import { crc32 } from 'node:zlib'
import type { DroppedState } from './carried-digests.ts'
import { crc32c, hexOfCrc } from './crc32c.ts'
import type { DigestAnswer, DigestStep, DigestTask } from './digest-pool.ts'
import type { DigestAlgorithm, FurtherDigests } from './digests.ts'

/** SHA-256 of uploads so far, by their numbers. */
const states = new Map<number, Hash>()

parentPort?.on('message', (message: DigestTask | DroppedState) => {
  if ('dropped' in message) return void states.delete(message.dropped)
  const { port } = message
  const digests = new BodyDigests(message)
  port.on('message', (step: DigestStep) => {
    if (step === 'end') {
      port.postMessage(digests.end())
      port.close()
      return
    }
    digests.update(new Uint8Array(step.slab, 0, step.byteLength))
    port.postMessage(step.slab, [step.slab])
  })
})

class BodyDigests {
  readonly #sha256 = createHash('sha256')
  readonly #further: readonly (readonly [DigestAlgorithm, RunningDigest])[]
  readonly #carry: DigestTask['carry']
  /** What came before and this body; undefined if nothing came before. */
  readonly #whole: Hash | undefined

  constructor({ further, carry }: DigestTask) {
    this.#further = further.map((algorithm) => [algorithm, startDigest(algorithm)] as const)
    this.#carry = carry
    this.#whole = carry?.from === undefined ? undefined : states.get(carry.from)?.copy()
  }

  update(bytes: Uint8Array): void {
    this.#sha256.update(bytes)
    this.#whole?.update(bytes)
    for (const [, digest] of this.#further) digest.update(bytes)
  }

  /** Once, after the last byte. */
  end(): DigestAnswer {
    const wholeSha256 = this.#keepWhole()
    const others = this.#further.map(([algorithm, digest]) => [algorithm, digest.end()])
    return { own: { sha256: this.#sha256.digest('hex'), ...Object.fromEntries(others) }, wholeSha256 }
  }

  #keepWhole(): string | undefined {
    if (this.#carry === undefined) return undefined
    const { from, to } = this.#carry
    const whole = from === undefined ? this.#sha256.copy() : this.#whole
    if (whole === undefined) return undefined
    states.set(to, whole)
    return whole.copy().digest('hex')
  }
}

interface RunningDigest {
  update(bytes: Uint8Array): void
  /** Lower-case hex. Once, after the last byte. */
  end(): string
}

function startDigest(algorithm: FurtherDigests[number]): RunningDigest {
  if (algorithm === 'crc32') return startCrc(crc32)
  if (algorithm === 'crc32c') return startCrc(crc32c)
  const hash = createHash(algorithm)
  return { update: (bytes) => void hash.update(bytes), end: () => hash.digest('hex') }
}

function startCrc(next: (bytes: Uint8Array, crc: number) => number): RunningDigest {
  let crc = 0
  return {
    update: (bytes) => {
      crc = next(bytes, crc)
    },
    end: () => hexOfCrc(crc),
  }
}
