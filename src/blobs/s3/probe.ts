import { createHash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  type PutObjectCommandOutput,
} from '@aws-sdk/client-s3'
import type { S3Connection } from './connection.ts'
import { isTaken, statusOf } from './errors.ts'
import { NotS3Error, probeFailure, VersionedBucketError } from './probe-failure.ts'

/** What differs between stores, as tried on this one. */
export interface S3Abilities {
  /** `If-None-Match: *` is honoured. */
  readonly conditionalWrites: boolean
  /** CRC32 is checked on arrival. */
  readonly checksums: boolean
  /** A SHA-256 is checked on arrival. */
  readonly digests: boolean
  /** The ETag of a small object is the MD5 of its bytes. */
  readonly etagIsMd5: boolean
  /** A copy answers with the SHA-256 of what was copied. */
  readonly copyDigest: boolean
  /** A copy of what has changed meanwhile is refused. */
  readonly conditionalCopy: boolean
  /** By how much the store's clock is ahead of ours. */
  readonly clockSkewSeconds: number
}

const BODY = Buffer.from('What can this store do?\n')
const BODY_SHA256 = createHash('sha256').update(BODY).digest('base64')
const BODY_MD5 = createHash('md5').update(BODY).digest('hex')
const OTHER_ETAG = '"00000000000000000000000000000000"'

/** Reading the bucket, then writing to it; each kind of trouble in one sentence that says what to do. */
export async function probeS3(connection: S3Connection): Promise<S3Abilities> {
  const probe = new Probe(connection)
  try {
    await probe.list()
    return await probe.run()
  } catch (error) {
    throw new Error(probeFailure(error, connection.location), { cause: error })
  } finally {
    await probe.clean()
  }
}

class Probe {
  readonly #connection: S3Connection
  readonly #bucket: { readonly Bucket: string }
  readonly #name: string
  /** Objects and versions that this probe has made. */
  readonly #made: { Key: string; VersionId?: string | undefined }[] = []

  constructor(connection: S3Connection) {
    this.#connection = connection
    this.#bucket = { Bucket: connection.location.bucket }
    this.#name = `${connection.location.prefix}probe/${randomBytes(16).toString('hex')}`
  }

  async list(): Promise<void> {
    const { client, location } = this.#connection
    const command = new ListObjectsV2Command({ ...this.#bucket, Prefix: location.prefix, MaxKeys: 1 })
    const { IsTruncated } = await this.#connection.call((http) => client.send(command, http))
    // The SDK takes any XML, a page of a web server among it, for an empty list; S3 says this with every one.
    if (IsTruncated === undefined) throw new NotS3Error()
  }

  async run(): Promise<S3Abilities> {
    const { checksums, etag } = await this.#putChecked()
    const digests = checksums && (await this.#checksDigest())
    const conditionalWrites = await this.#isRefused(() => this.#put({ IfNoneMatch: '*' }))
    const conditionalCopy = await this.#isRefused(() => this.#copy({ CopySourceIfMatch: OTHER_ETAG }))
    const copyDigest = checksums && (await this.#copyDigest())
    return {
      conditionalWrites,
      checksums,
      digests,
      etagIsMd5: etag === `"${BODY_MD5}"`,
      copyDigest,
      conditionalCopy,
      clockSkewSeconds: Math.round((this.#connection.clockSkewMs ?? 0) / 1000),
    }
  }

  async clean(): Promise<void> {
    for (const made of this.#made) {
      const command = new DeleteObjectCommand({ ...this.#bucket, ...made })
      await this.#connection.call((http) => this.#connection.client.send(command, http)).catch(() => {})
    }
  }

  /** A store that minds the checksum is given none. */
  async #putChecked(): Promise<{ checksums: boolean; etag: string | undefined }> {
    const sum = Buffer.alloc(4)
    sum.writeUInt32BE(crc32(BODY))
    try {
      const { ChecksumCRC32, ETag } = await this.#put({ ChecksumCRC32: sum.toString('base64') })
      return { checksums: ChecksumCRC32 !== undefined, etag: ETag }
    } catch (error) {
      requireMinded(error)
      const { ETag } = await this.#put({})
      return { checksums: false, etag: ETag }
    }
  }

  async #checksDigest(): Promise<boolean> {
    try {
      return (await this.#put({ ChecksumSHA256: BODY_SHA256 })).ChecksumSHA256 === BODY_SHA256
    } catch (error) {
      requireMinded(error)
      return false
    }
  }

  /** True if a precondition that does not hold is honoured; a store that ignores it, or minds it, has no such thing. */
  async #isRefused(call: () => Promise<unknown>): Promise<boolean> {
    try {
      await call()
      return false
    } catch (error) {
      if (isTaken(error)) return true
      requireMinded(error)
      return false
    }
  }

  async #copyDigest(): Promise<boolean> {
    try {
      return (await this.#copy({ ChecksumAlgorithm: 'SHA256' })) === BODY_SHA256
    } catch (error) {
      requireMinded(error)
      return false
    }
  }

  async #put(more: Partial<PutObjectCommandInput>): Promise<PutObjectCommandOutput> {
    const command = new PutObjectCommand({ ...this.#bucket, Key: this.#name, Body: BODY, ...more })
    this.#note({ Key: this.#name })
    const answer = await this.#connection.call((http) => this.#connection.client.send(command, http))
    const { VersionId } = answer
    if (VersionId === undefined || VersionId === 'null') return answer
    // Deleting by name alone would leave a marker.
    this.#made.splice(0, 1, { Key: this.#name, VersionId })
    throw new VersionedBucketError()
  }

  async #copy(more: { CopySourceIfMatch?: string; ChecksumAlgorithm?: 'SHA256' }) {
    const { client } = this.#connection
    const Key = `${this.#name}-copy`
    const CopySource = `${this.#bucket.Bucket}/${this.#name}`
    const command = new CopyObjectCommand({ ...this.#bucket, Key, CopySource, ...more })
    this.#note({ Key })
    const answer = await this.#connection.call((http) => client.send(command, http))
    return answer.CopyObjectResult?.ChecksumSHA256
  }

  #note(made: { Key: string; VersionId?: string }): void {
    const known = this.#made.some(({ Key, VersionId }) => Key === made.Key && VersionId === made.VersionId)
    if (!known) this.#made.push(made)
  }
}

/** Rethrows unless the store rejected the feature (400 or 501). */
function requireMinded(error: unknown): void {
  if (statusOf(error) !== 400 && statusOf(error) !== 501) throw error
}
