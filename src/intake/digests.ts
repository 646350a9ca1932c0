import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { crc32 } from 'node:zlib'
import { ServiceError } from '../core/errors.ts'
import { crc32c } from './crc32c.ts'
import type { DigestAnswer, DigestRequest } from './digest-worker.ts'

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
  /** Hashes the next bytes. Takes `slab` away and gives it back to `done`; never, if the worker dies. */
  add(slab: ArrayBuffer, byteLength: number, done: (slab: ArrayBuffer) => void): void
  finish(): Promise<HexDigests>
  /** Frees what the worker holds. What was added before is still hashed, and `done`. */
  drop(): void
}

interface Job {
  /** Who gets the slabs that the worker has, oldest first. */
  readonly added: ((slab: ArrayBuffer) => void)[]
  readonly finished: PromiseWithResolvers<HexDigests>
  readonly onFailure: (error: Error) => void
}

const workers = new Set<DigestWorker>()

/** Gives the body to the least busy worker; starts one more if all are busy. `onFailure` hears of its death. */
export function openDigest(further: FurtherDigests, onFailure: (error: Error) => void): BodyDigest {
  const idlest = [...workers].sort((a, b) => a.jobCount - b.jobCount)[0]
  const isShort = idlest === undefined || (idlest.jobCount > 0 && workers.size < MAX_WORKERS)
  return (isShort ? new DigestWorker() : idlest).open(further, onFailure)
}

/** A worker thread, and the bodies it is hashing; it keeps the process alive only while there are some. */
class DigestWorker {
  readonly #jobs = new Map<number, Job>()
  readonly #worker: Worker
  #lastBody = 0

  constructor() {
    this.#worker = new Worker(new URL('./digest-worker.ts', import.meta.url), {
      name: 'digest',
      resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 },
    })
    this.#worker.on('message', (answer: DigestAnswer) => this.#settle(answer))
    this.#worker.on('error', (error) => this.#die(error))
    this.#worker.on('exit', () => this.#die(undefined))
    this.#worker.unref()
    workers.add(this)
  }

  get jobCount(): number {
    return this.#jobs.size
  }

  open(further: FurtherDigests, onFailure: (error: Error) => void): BodyDigest {
    const body = ++this.#lastBody
    const job: Job = { added: [], finished: Promise.withResolvers(), onFailure }
    // Whoever dropped the body does not wait for its digests.
    job.finished.promise.catch(() => {})
    this.#jobs.set(body, job)
    this.#worker.ref()
    this.#worker.postMessage({ kind: 'open', body, further } satisfies DigestRequest)
    return {
      add: (slab, byteLength, done) => {
        job.added.push(done)
        this.#worker.postMessage({ kind: 'add', body, slab, byteLength } satisfies DigestRequest, [slab])
      },
      finish: () => {
        this.#worker.postMessage({ kind: 'finish', body } satisfies DigestRequest)
        return job.finished.promise
      },
      drop: () => this.#worker.postMessage({ kind: 'drop', body } satisfies DigestRequest),
    }
  }

  #settle(answer: DigestAnswer): void {
    const job = this.#jobs.get(answer.body)
    if (answer.kind === 'added') {
      job?.added.shift()?.(answer.slab)
      return
    }
    if (answer.kind === 'finished') job?.finished.resolve(answer.digests)
    this.#jobs.delete(answer.body)
    if (this.#jobs.size === 0) this.#worker.unref()
  }

  #die(cause: unknown): void {
    workers.delete(this)
    const error = new ServiceError('internal', 'The body could not be checked.', { cause })
    for (const job of this.#jobs.values()) {
      job.finished.reject(error)
      job.onFailure(error)
    }
    this.#jobs.clear()
  }
}
