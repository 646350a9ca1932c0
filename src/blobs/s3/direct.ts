import { CopyObjectCommand, GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { StoreError } from '../../core/errors.ts'
import type {
  BlobKey,
  DirectTransfer,
  DirectUpload,
  SignedUrl,
  StagedBody,
  StoreDigests,
} from '../../core/ports/blob-store.ts'
import type { S3Connection } from './connection.ts'
import { isNotFound, isTaken, onS3 } from './errors.ts'
import type { S3Abilities } from './probe.ts'

/** The most that one PUT may carry, and one copy may copy. */
const MAX_BYTES = 5 * 1024 ** 3
/** The store copies at its own pace; for the largest body that is minutes. */
const COPY_MS = 180_000
/** What S3 signs at most. */
const MAX_SECONDS = 7 * 24 * 60 * 60
/** A clock that is off by less than this does not matter, and we know the store's to a second only. */
const MINOR_SKEW_MS = 60_000
const DIGEST_HEADER = 'x-amz-checksum-sha256'

/** How objects are named. */
export interface S3Names {
  stagingNameOf(key: BlobKey): string
  nameOf(key: BlobKey): string
}

/** URLs presigned on the bucket: for `staging/<key>` to put, for a blob to get. */
export class S3DirectTransfer implements DirectTransfer {
  readonly #connection: S3Connection
  readonly #abilities: S3Abilities
  readonly #names: S3Names

  constructor(connection: S3Connection, abilities: S3Abilities, names: S3Names) {
    this.#connection = connection
    this.#abilities = abilities
    this.#names = names
  }

  takes({ sizeBytes, once }: DirectUpload): boolean {
    const { conditionalWrites, conditionalCopy, etagIsMd5 } = this.#abilities
    // Otherwise nothing could tell that what was copied is what was looked at.
    const canPromote = conditionalCopy || etagIsMd5
    return canPromote && sizeBytes <= MAX_BYTES && (!once || conditionalWrites)
  }

  async putUrl(staged: BlobKey, upload: DirectUpload, seconds: number): Promise<SignedUrl> {
    const { sizeBytes, mimeType, once } = upload
    const digest = this.#abilities.digests ? base64Of(upload.sha256) : undefined
    const command = new PutObjectCommand({
      ...this.#bucket,
      Key: this.#names.stagingNameOf(staged),
      ContentLength: sizeBytes,
      ContentType: mimeType,
      ChecksumSHA256: digest,
      ...(once ? { IfNoneMatch: '*' } : {}),
    })
    const headers = {
      'content-type': mimeType,
      ...(once ? { 'if-none-match': '*' } : {}),
      ...(digest === undefined ? {} : { [DIGEST_HEADER]: digest }),
    }
    const url = await this.#sign(command, seconds, ['host', 'content-length', ...Object.keys(headers)])
    return { url, headers }
  }

  getUrl(
    key: BlobKey,
    { mimeType, disposition }: { readonly mimeType: string; readonly disposition: string },
    seconds: number,
  ): Promise<string> {
    const command = new GetObjectCommand({
      ...this.#bucket,
      Key: this.#names.nameOf(key),
      ResponseContentType: mimeType,
      ResponseContentDisposition: disposition,
      ResponseCacheControl: 'private, no-cache',
    })
    return this.#sign(command, seconds, ['host'])
  }

  async findStaged(staged: BlobKey): Promise<StagedBody | undefined> {
    const found = await this.#head(this.#names.stagingNameOf(staged))
    if (found === undefined) return undefined
    const { ContentLength: sizeBytes, ETag: revision } = found
    if (sizeBytes === undefined || revision === undefined)
      throw new StoreError('unavailable', 'the store told no size and ETag')
    return { sizeBytes, revision }
  }

  async promote(staged: BlobKey, body: StagedBody, key: BlobKey): Promise<StoreDigests | undefined> {
    const name = this.#names.nameOf(key)
    const copied = await this.#copy(this.#names.stagingNameOf(staged), body, name)
    if (copied === undefined) return undefined
    const found = await this.#head(name)
    if (found?.ContentLength !== body.sizeBytes) {
      if (this.#abilities.conditionalCopy)
        throw new StoreError('unavailable', 'the copy is not what was copied')
      return undefined
    }
    // Where the store minds no condition, only an ETag that tells of the bytes can say that they are the same.
    if (!this.#abilities.conditionalCopy && copied.etag !== body.revision) return undefined
    const isPlain = found.ServerSideEncryption === undefined || found.ServerSideEncryption === 'AES256'
    const [, md5 = null] = /^"([0-9a-f]{32})"$/.exec(body.revision) ?? []
    return { sha256: copied.sha256, md5: this.#abilities.etagIsMd5 && isPlain ? md5 : null }
  }

  /** Repeating it makes the same object: the source is fixed by its ETag, and the target ours alone. */
  async #copy(
    source: string,
    { revision }: StagedBody,
    target: string,
  ): Promise<{ etag: string | undefined; sha256: string | null } | undefined> {
    const { bucket } = this.#connection.location
    const command = new CopyObjectCommand({
      ...this.#bucket,
      Key: target,
      CopySource: `${bucket}/${source}`,
      CopySourceIfMatch: revision,
      MetadataDirective: 'REPLACE',
      ...(this.#abilities.copyDigest ? { ChecksumAlgorithm: 'SHA256' } : {}),
    })
    const copying = this.#connection.call((http) => this.#connection.client.send(command, http), {
      timeoutMs: COPY_MS,
    })
    try {
      const { CopyObjectResult: result } = await copying
      return { etag: result?.ETag, sha256: hexOf(result?.ChecksumSHA256) }
    } catch (error) {
      if (isTaken(error) || isNotFound(error)) return undefined
      return onS3('copy the staged bytes', Promise.reject(error))
    }
  }

  async #head(name: string) {
    const command = new HeadObjectCommand({ ...this.#bucket, Key: name })
    try {
      return await this.#connection.call((http) => this.#connection.client.send(command, http))
    } catch (error) {
      if (isNotFound(error)) return undefined
      return onS3('look for the bytes', Promise.reject(error))
    }
  }

  #sign(command: PutObjectCommand | GetObjectCommand, seconds: number, headers: string[]): Promise<string> {
    const { clockSkewMs = 0 } = this.#connection
    const skewMs = Math.abs(clockSkewMs) < MINOR_SKEW_MS ? 0 : clockSkewMs
    const signed = getSignedUrl(this.#connection.client, command as GetObjectCommand, {
      expiresIn: Math.min(seconds, MAX_SECONDS),
      signingDate: new Date(Date.now() + skewMs),
      signableHeaders: new Set(headers),
      // In the query, where it would go by itself, it binds nobody.
      unhoistableHeaders: new Set([DIGEST_HEADER]),
    })
    return onS3('sign a URL', signed)
  }

  get #bucket(): { readonly Bucket: string } {
    return { Bucket: this.#connection.location.bucket }
  }
}

function base64Of(hex: string | null): string | undefined {
  return hex === null ? undefined : Buffer.from(hex, 'hex').toString('base64')
}

/** Undefined, or the digest of parts, is no digest of the bytes. */
function hexOf(base64: string | undefined): string | null {
  if (base64 === undefined || !/^[A-Za-z0-9+/]{43}=$/.test(base64)) return null
  return Buffer.from(base64, 'base64').toString('hex')
}
