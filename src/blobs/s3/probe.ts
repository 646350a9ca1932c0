import { createHash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import {
  CopyObjectCommand,
  type CopyObjectCommandInput,
  type CopyObjectCommandOutput,
  DeleteObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  type PutObjectCommandOutput,
} from '@aws-sdk/client-s3'
import { StoreError } from '../../core/errors.ts'
import type { S3Connection, S3Object } from './connection.ts'
import { isTaken, statusOf } from './errors.ts'
import { probeFailure, strangerFailure, versionedFailure } from './probe-failure.ts'
import { base64Crc32 } from './send-part.ts'

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

/** Reading the bucket, then writing to it. @throws Error in one sentence that says what to do */
export async function probeS3(connection: S3Connection): Promise<S3Abilities> {
  const probe = new Probe(connection)
  try {
    await probe.list()
    return await probe.run()
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    throw new Error(probeFailure(error.cause, connection.location), { cause: error.cause })
  } finally {
    await probe.clean()
  }
}

class Probe {
  readonly #connection: S3Connection
  readonly #object: S3Object
  /** The objects that this probe has made, with their versions. */
  readonly #made = new Map<string, string | undefined>()

  constructor(connection: S3Connection) {
    this.#connection = connection
    this.#object = connection.object(`probe/${randomBytes(16).toString('hex')}`)
  }

  async list(): Promise<void> {
    const { location } = this.#connection
    const command = new ListObjectsV2Command({ Bucket: location.bucket, Prefix: location.prefix, MaxKeys: 1 })
    const { IsTruncated } = await this.#connection.send('list the blobs', command)
    // The SDK reads any XML, such as a web server's page, as an empty list; S3 sends this field with every list.
    if (IsTruncated === undefined) throw new Error(strangerFailure(200, location))
  }

  async run(): Promise<S3Abilities> {
    const checked = await tried(this.#put({ ChecksumCRC32: base64Crc32(crc32(BODY)) }))
    // A store that refuses the checksum gets none.
    const { ETag: etag, ChecksumCRC32 } = typeof checked === 'object' ? checked : await this.#put({})
    const checksums = ChecksumCRC32 !== undefined
    const digested = checksums && (await tried(this.#put({ ChecksumSHA256: BODY_SHA256 })))
    const written = await tried(this.#put({ IfNoneMatch: '*' }))
    const copied = await tried(this.#copy({ CopySourceIfMatch: OTHER_ETAG }))
    const hashed = checksums && (await tried(this.#copy({ ChecksumAlgorithm: 'SHA256' })))
    return {
      conditionalWrites: written === 'condition failed',
      checksums,
      digests: typeof digested === 'object' && digested.ChecksumSHA256 === BODY_SHA256,
      etagIsMd5: etag === `"${BODY_MD5}"`,
      copyDigest: typeof hashed === 'object' && hashed.CopyObjectResult?.ChecksumSHA256 === BODY_SHA256,
      conditionalCopy: copied === 'condition failed',
      clockSkewSeconds: Math.round((this.#connection.clockSkewMs ?? 0) / 1000),
    }
  }

  async clean(): Promise<void> {
    for (const [Key, VersionId] of this.#made) {
      const command = new DeleteObjectCommand({ ...this.#object, Key, VersionId })
      await this.#connection.send('delete a blob', command).catch(() => {})
    }
  }

  async #put(more: Partial<PutObjectCommandInput>): Promise<PutObjectCommandOutput> {
    const { Key } = this.#object
    this.#made.set(Key, undefined)
    const command = new PutObjectCommand({ ...this.#object, Body: BODY, ...more })
    const answer = await this.#connection.send('store a blob', command)
    const { VersionId } = answer
    if (VersionId === undefined || VersionId === 'null') return answer
    // Deleting by name alone would leave a marker.
    this.#made.set(Key, VersionId)
    throw new Error(versionedFailure(this.#connection.location))
  }

  async #copy(more: Partial<CopyObjectCommandInput>): Promise<CopyObjectCommandOutput> {
    const { Bucket, Key } = this.#object
    const copy = { Bucket, Key: `${Key}-copy`, CopySource: `${Bucket}/${Key}` }
    this.#made.set(copy.Key, undefined)
    return this.#connection.send('copy a blob', new CopyObjectCommand({ ...copy, ...more }))
  }
}

/** The answer to a request with a feature, or how the store refused it. */
async function tried<T>(request: Promise<T>): Promise<T | 'condition failed' | 'unknown feature'> {
  try {
    return await request
  } catch (error) {
    if (isTaken(error)) return 'condition failed'
    if (statusOf(error) === 400 || statusOf(error) === 501) return 'unknown feature'
    throw error
  }
}
