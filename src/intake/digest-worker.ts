import { createHash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import { crc32 } from 'node:zlib'
import { crc32c, hexOfCrc } from './crc32c.ts'
import type { DigestAlgorithm } from './digests.ts'
import type { DigestStep, DigestTask } from './slabs.ts'

parentPort?.on('message', ({ algorithms, port }: DigestTask) => {
  const running = algorithms.map((algorithm) => [algorithm, startDigest(algorithm)] as const)
  port.on('message', (step: DigestStep) => {
    if (step === 'end') {
      port.postMessage(Object.fromEntries(running.map(([algorithm, digest]) => [algorithm, digest.end()])))
      port.close()
      return
    }
    const bytes = new Uint8Array(step.slab, 0, step.byteLength)
    for (const [, digest] of running) digest.update(bytes)
    port.postMessage(step.slab, [step.slab])
  })
})

interface RunningDigest {
  update(bytes: Uint8Array): void
  /** Lower-case hex. Once, after the last byte. */
  end(): string
}

function startDigest(algorithm: DigestAlgorithm): RunningDigest {
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
