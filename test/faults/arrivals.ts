import { hash } from 'node:crypto'
import { SeededRandom } from '../seeded-random.ts'

/** `link`: begun by tus, and then in pieces, by tus or the draft of the IETF. `form`, `json`: whole, in one request of another API. */
export type Way = 'link' | 'form' | 'json'

/** All that a client knows about a file that it brings without Lightfield's create and complete. */
export interface Arrival {
  /** Unique in the whole run. */
  readonly filename: string
  readonly way: Way
  readonly sizeBytes: number
  /** The length is told with the last bytes. */
  readonly isDeferred: boolean
  /** Of the content. */
  readonly seed: number
  /** As soon as the server has told it. */
  link: string | undefined
  id: string | undefined
  /** What the server said that it has. The offset never goes back behind it. */
  acknowledgedBytes: number
  /** The end of all that was ever sent. */
  sentBytes: number
  /** A request that was cut off may reach the server later than the next one does. */
  mayBeStale: boolean
  /** SHA-256 of each content that it may have once it is stored. */
  contents: string[]
  /** Acknowledged, or seen after a restart: either way it must never change again. */
  final: 'STORED' | 'GONE' | undefined
  /** A request that deletes or ends it was not answered. */
  triedToEnd: boolean
}

export function newArrival(random: SeededRandom, filename: string): Arrival {
  const way = random.chance(0.6) ? 'link' : random.pick(['form', 'json'] as const)
  const sizeBytes = way === 'link' ? linkedSize(random) : wholeSize(random)
  const seed = random.between(0, 2 ** 32 - 1)
  return {
    ...{ filename, way, sizeBytes, seed },
    isDeferred: way === 'link' && random.chance(0.3),
    link: undefined,
    id: undefined,
    acknowledgedBytes: 0,
    sentBytes: 0,
    mayBeStale: false,
    contents: [],
    final: undefined,
    triedToEnd: false,
  }
}

/** Of a few pieces each. */
function linkedSize(random: SeededRandom): number {
  if (random.chance(0.4)) return random.between(1, 20_000)
  if (random.chance(0.6)) return random.between(64 * 1024, 300_000)
  return random.between(1_000_000, 4_000_000)
}

/** Mostly for the database, whatever its limit; some for the store. */
function wholeSize(random: SeededRandom): number {
  if (random.chance(0.7)) return random.between(1, 16_000)
  return random.between(60_000, 600_000)
}

export function contentOf({ seed, sizeBytes }: Pick<Arrival, 'seed' | 'sizeBytes'>): Buffer<ArrayBuffer> {
  return new SeededRandom(seed).bytes(sizeBytes) as Buffer<ArrayBuffer>
}

export function sha256Of(content: Uint8Array): string {
  return hash('sha256', content)
}
