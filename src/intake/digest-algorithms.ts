import { createHash, hash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { crc32c } from './crc32c.ts'

/** Every digest that can be computed of a body, and its length. */
export const digestBytes = { sha256: 32, md5: 16, sha1: 20, sha512: 64, crc32: 4, crc32c: 4 } as const

export type DigestAlgorithm = keyof typeof digestBytes

/** Lower-case hex; of a CRC its four bytes, the highest first. */
export type HexDigests = { readonly sha256: string } & {
  readonly [algorithm in DigestAlgorithm]?: string
}

/** What is computed beside SHA-256. */
export type FurtherDigests = readonly Exclude<DigestAlgorithm, 'sha256'>[]

export interface RunningDigest {
  update(bytes: Uint8Array): void
  /** Lower-case hex. Once, after the last byte. */
  end(): string
}

export function startDigest(algorithm: DigestAlgorithm): RunningDigest {
  if (algorithm === 'crc32') return startCrc(crc32)
  if (algorithm === 'crc32c') return startCrc(crc32c)
  const hash = createHash(algorithm)
  return { update: (bytes) => void hash.update(bytes), end: () => hash.digest('hex') }
}

/** Of bytes that are all there. */
export function digestsOf(bytes: Uint8Array, further: FurtherDigests): HexDigests {
  const digests: { sha256: string } & Partial<Record<DigestAlgorithm, string>> = {
    sha256: hash('sha256', bytes),
  }
  for (const algorithm of further) digests[algorithm] = digestOf(algorithm, bytes)
  return digests
}

function digestOf(algorithm: DigestAlgorithm, bytes: Uint8Array): string {
  // In one call, which is faster than an object.
  if (!algorithm.startsWith('crc')) return hash(algorithm, bytes)
  const digest = startDigest(algorithm)
  digest.update(bytes)
  return digest.end()
}

function startCrc(next: (bytes: Uint8Array, crc: number) => number): RunningDigest {
  let crc = 0
  return {
    update: (bytes) => {
      crc = next(bytes, crc)
    },
    end: () => crc.toString(16).padStart(8, '0'),
  }
}
