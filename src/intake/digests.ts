import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { availableParallelism } from 'node:os'
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { crc32 } from 'node:zlib'
import { ServiceError } from '../core/errors.ts'
import { crc32c } from './crc32c.ts'

/** Every digest that can be computed of a body, and its length. */
export const digestBytes = { sha256: 32, md5: 16, sha1: 20, sha512: 64, crc32: 4, crc32c: 4 } as const

export type DigestAlgorithm = keyof typeof digestBytes

/** Lower-case hex; a CRC is big-endian. */
export type HexDigests = { readonly sha256: string } & {
  readonly [algorithm in DigestAlgorithm]?: string
}

/** Algorithms computed beside SHA-256. */
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

export function digestsOf(bytes: Uint8Array, further: FurtherDigests): HexDigests {
  const digests = (['sha256', ...further] as const).map((algorithm) => {
    const digest = startDigest(algorithm)
    digest.update(bytes)
    return [algorithm, digest.end()]
  })
  return Object.fromEntries(digests)
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

/** A digest of the body in a request header. */
export interface StatedDigest {
  /** The header, in lower case. */
  readonly field: string
  readonly algorithm: DigestAlgorithm
  /** Lower-case hex. */
  readonly hex: string
}

/** By their keys in Content-Digest and Repr-Digest (RFC 9530, 5), and the sibling of CRC32C that stores have. */
const digestKeys: ReadonlyMap<string, DigestAlgorithm> = new Map([
  ['md5', 'md5'],
  ['sha', 'sha1'],
  ['sha-256', 'sha256'],
  ['sha-512', 'sha512'],
  ['crc32', 'crc32'],
  ['crc32c', 'crc32c'],
])

const AMAZON_PREFIX = 'x-amz-checksum-'
/** By what follows the prefix, hyphens left out. */
const amazonNames: ReadonlyMap<string, DigestAlgorithm> = new Map([
  ...[...digestKeys].map(([key, algorithm]) => [key.replaceAll('-', ''), algorithm] as const),
  ['sha1', 'sha1'],
])

/**
 * Digests in Content-MD5 (RFC 1864), Content-Digest and Repr-Digest (RFC 9530; the same here, where bodies have no coding
 * and are no ranges), and S3's `x-amz-checksum-*`. RFC 9530 has us ignore unknown algorithms in its fields.
 * @throws ServiceError `field-invalid` if one is malformed, or an `x-amz-checksum-*` has an unknown algorithm
 */
export function statedDigests(headers: IncomingHttpHeaders): readonly StatedDigest[] {
  const fields = Object.entries(headers)
  return fields.flatMap(([field, value]) => (typeof value === 'string' ? digestsIn(field, value) : []))
}

function digestsIn(field: string, value: string): readonly StatedDigest[] {
  if (field === 'content-md5') return [statedIn(field, 'md5', value)]
  if (field === 'content-digest' || field === 'repr-digest') return membersOf(field, value)
  if (!field.startsWith(AMAZON_PREFIX)) return []
  const algorithm = amazonNames.get(field.slice(AMAZON_PREFIX.length).replaceAll('-', ''))
  if (algorithm === undefined) throw invalid(field, 'is of an algorithm that is not known here')
  return [statedIn(field, algorithm, value)]
}

/** @throws ServiceError `digest-mismatch` */
export function requireStated(stated: readonly StatedDigest[], digests: HexDigests): void {
  for (const { field, algorithm, hex } of stated) {
    if (digests[algorithm] === hex) continue
    const message = `The bytes that came do not have the ${algorithm} that ${field} tells.`
    throw new ServiceError('digest-mismatch', message, { field })
  }
}

export function algorithmsOf(stated: readonly StatedDigest[]): FurtherDigests {
  const algorithms = new Set(stated.map(({ algorithm }) => algorithm))
  return [...algorithms].filter((algorithm) => algorithm !== 'sha256')
}

const KEY = '[a-z*][a-z0-9_.*-]*'
const STRING = '"(?:[^"\\\\]|\\\\.)*"'
const BYTES = ':[A-Za-z0-9+/=]*:'
/** Escaped UTF-8 (RFC 9651, 3.3.8), ignored here. */
const DISPLAY_STRING = '%"(?:[^"%]|%[0-9a-f]{2})*"'
const BARE = `${STRING}|${DISPLAY_STRING}|${BYTES}|[^\\s,;:"()][^\\s,;"()]*`
/** A member of a dictionary with the comma behind it (RFC 9651, 3.2 and 4.2.2): its key, and its value if that is a byte sequence. */
const MEMBER = new RegExp(
  `(${KEY})(?:=(?::([A-Za-z0-9+/=]*):|\\((?:${STRING}|[^")])*\\)|${BARE}))?` +
    `(?:; *${KEY}(?:=(?:${BARE}))?)*(?:[ \\t]*,[ \\t]*(?!$)|$)`,
  'y',
)

function membersOf(field: string, value: string): readonly StatedDigest[] {
  const text = value.trim()
  const found = new Map<DigestAlgorithm, StatedDigest>()
  MEMBER.lastIndex = 0
  while (MEMBER.lastIndex < text.length) {
    const member = MEMBER.exec(text)
    if (member === null) throw invalid(field, 'is no dictionary of byte sequences (RFC 9530)')
    const algorithm = digestKeys.get(member[1] ?? '')
    // The last member of a key counts.
    if (algorithm !== undefined) found.set(algorithm, statedIn(field, algorithm, member[2] ?? ''))
  }
  return [...found.values()]
}

function statedIn(field: string, algorithm: DigestAlgorithm, base64: string): StatedDigest {
  const bytes = Buffer.from(base64, 'base64')
  const isDigest = /^[A-Za-z0-9+/]+={0,2}$/.test(base64) && bytes.byteLength === digestBytes[algorithm]
  if (!isDigest) throw invalid(field, `is no base64 of the ${digestBytes[algorithm]} bytes of ${algorithm}`)
  return { field, algorithm, hex: bytes.toString('hex') }
}

function invalid(field: string, what: string): ServiceError {
  return new ServiceError('field-invalid', `The header ${field} ${what}.`, { field })
}

/** One core stays with the main thread, which receives and writes the bytes. */
const MAX_WORKERS = Math.max(1, Math.min(4, availableParallelism() - 1))

/** The digests of one body, computed by a worker while the body passes. Must end with `finish` or `drop`. */
export interface BodyDigest {
  /** Hashes the next bytes. Takes `slab` away and gives it back to `done`; never, if the body is dropped or the worker dies. */
  add(slab: ArrayBuffer, byteLength: number, done: (slab: ArrayBuffer) => void): void
  finish(): Promise<HexDigests>
  /** Frees what the worker holds; slabs that it has do not come back. */
  drop(): void
}

/** What a worker gets first: a body's digests, and the port on which its slabs come and go. */
export interface DigestTask {
  readonly algorithms: readonly DigestAlgorithm[]
  readonly port: MessagePort
}

/** On the port: the first `byteLength` bytes of a slab, which comes back hashed; `end` asks for the digests. */
export type DigestStep = { readonly slab: ArrayBuffer; readonly byteLength: number } | 'end'

/** Workers, by how many bodies each is hashing. */
const workers = new Map<Worker, number>()
const crashes = new WeakMap<Worker, unknown>()

/** Gives the body to the least busy worker; starts one more if all are busy. `onFailure` hears of its death. */
export function openDigest(further: FurtherDigests, onFailure: (error: Error) => void): BodyDigest {
  const worker = idleWorker()
  const { port1: port, port2 } = new MessageChannel()
  const slabsAtWorker: ((slab: ArrayBuffer) => void)[] = []
  const finished = Promise.withResolvers<HexDigests>()
  // Whoever dropped the body does not wait for its digests.
  finished.promise.catch(() => {})
  let isOver = false
  port.on('message', (answer: ArrayBuffer | HexDigests) => {
    if (answer instanceof ArrayBuffer) return slabsAtWorker.shift()?.(answer)
    isOver = true
    finished.resolve(answer)
  })
  port.on('close', () => {
    const bodies = workers.get(worker)
    if (bodies !== undefined) workers.set(worker, bodies - 1)
    if (isOver) return
    // The worker died: it closes no port before the end.
    const cause = crashes.get(worker)
    const error = new ServiceError('internal', 'The body could not be checked.', { cause })
    finished.reject(error)
    onFailure(error)
  })
  workers.set(worker, (workers.get(worker) ?? 0) + 1)
  worker.postMessage({ algorithms: ['sha256', ...further], port: port2 } satisfies DigestTask, [port2])
  return {
    add: (slab, byteLength, done) => {
      slabsAtWorker.push(done)
      port.postMessage({ slab, byteLength } satisfies DigestStep, [slab])
    },
    finish: () => {
      port.postMessage('end' satisfies DigestStep)
      return finished.promise
    },
    drop: () => {
      isOver = true
      port.close()
    },
  }
}

/** The ports of bodies, and not the workers, keep the process alive. */
function idleWorker(): Worker {
  const [idlest] = [...workers].toSorted(([, a], [, b]) => a - b)
  if (idlest !== undefined && (idlest[1] === 0 || workers.size === MAX_WORKERS)) return idlest[0]
  const worker = new Worker(new URL('./digest-worker.ts', import.meta.url), {
    name: 'digest',
    resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 },
  })
  // Its ports close then, which tells the bodies.
  worker.on('error', (error) => {
    crashes.set(worker, error)
    workers.delete(worker)
  })
  worker.on('exit', () => workers.delete(worker))
  worker.unref()
  workers.set(worker, 0)
  return worker
}
