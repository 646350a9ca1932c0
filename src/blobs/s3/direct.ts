import { CopyObjectCommand, GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { isStoreError, StoreError } from '../../core/errors.ts'
import type {
  BlobKey,
  DirectTransfer,
  DirectUpload,
  SignedUrl,
  StagedBody,
  StoreDigests,
} from '../../core/ports/blob-store.ts'
import type { S3Connection } from './connection.ts'
import { s3Error } from './errors.ts'
import type { S3Abilities } from './probe.ts'

/** The most that one PUT may carry, and one copy may copy. */
const MAX_BYTES = 5 * 1024 ** 3
/** The store copies at its own pace; for the largest body that is minutes. */
const COPY = { timeoutMs: 180_000 }
/** What S3 signs at most. */
const MAX_SECONDS = 7 * 24 * 60 * 60
/** A clock that is off by less than this does not matter, and we know the store's to a second only. */
const MINOR_SKEW_MS = 60_000
const DIGEST_HEADER = 'x-amz-checksum-sha256'

/** URLs presigned on the bucket: for `staging/<key>` to put, for a blob to get. */
export class S3DirectTransfer implements DirectTransfer {
  readonly #connection: S3Connection
  readonly #abilities: S3Abilities

  constructor(connection: S3Connection, abilities: S3Abilities) {
    this.#connection = connection
    this.#abilities = abilities
  }

  takes({ sizeBytes, once }: DirectUpload): boolean {
    const { conditionalWrites, conditionalCopy, etagIsMd5 } = this.#abilities
    // Otherwise nothing proves that the body that was copied is the one that was looked at.
    const canPromote = conditionalCopy || etagIsMd5
    return canPromote && sizeBytes <= MAX_BYTES && (!once || conditionalWrites)
  }

  async putUrl(staged: BlobKey, upload: DirectUpload, seconds: number): Promise<SignedUrl> {
    const { sizeBytes, mimeType, sha256, once } = upload
    const isChecked = this.#abilities.digests && sha256 !== null
    const digest = isChecked ? Buffer.from(sha256, 'hex').toString('base64') : undefined
    const command = new PutObjectCommand({
      ...this.#connection.staged(staged),
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
      ...this.#connection.blob(key),
      ResponseContentType: mimeType,
      ResponseContentDisposition: disposition,
      ResponseCacheControl: 'private, no-cache',
    })
    return this.#sign(command, seconds, ['host'])
  }

  async findStaged(staged: BlobKey): Promise<StagedBody | undefined> {
    const command = new HeadObjectCommand(this.#connection.staged(staged))
    const found = await this.#connection.find('look for the bytes', command)
    if (found === undefined) return undefined
    const { ContentLength: sizeBytes, ETag: revision } = found
    if (sizeBytes === undefined || revision === undefined)
      throw new StoreError('unavailable', 'the store told no size and ETag')
    return { sizeBytes, revision }
  }

  async promote(staged: BlobKey, body: StagedBody, key: BlobKey): Promise<StoreDigests | undefined> {
    const { conditionalCopy, etagIsMd5 } = this.#abilities
    const copied = await this.#copy(staged, body, key)
    if (copied === undefined) return undefined
    const command = new HeadObjectCommand(this.#connection.blob(key))
    const found = await this.#connection.find('look for the bytes', command)
    if (found?.ContentLength !== body.sizeBytes) {
      if (conditionalCopy) throw new StoreError('unavailable', 'the copy is not what was copied')
      return undefined
    }
    // Where the store ignores the condition, only an ETag that depends on the bytes proves that they are the same.
    if (!conditionalCopy && copied.ETag !== body.revision) return undefined
    const isPlain = found.ServerSideEncryption === undefined || found.ServerSideEncryption === 'AES256'
    const [, md5 = null] = /^"([0-9a-f]{32})"$/.exec(body.revision) ?? []
    return { sha256: hexOf(copied.ChecksumSHA256), md5: etagIsMd5 && isPlain ? md5 : null }
  }

  /** Repeating it makes the same object: the source is fixed by its ETag, and the target ours alone. */
  async #copy(staged: BlobKey, { revision }: StagedBody, key: BlobKey) {
    const { Bucket, Key } = this.#connection.staged(staged)
    const command = new CopyObjectCommand({
      ...this.#connection.blob(key),
      CopySource: `${Bucket}/${Key}`,
      CopySourceIfMatch: revision,
      MetadataDirective: 'REPLACE',
      ...(this.#abilities.copyDigest ? { ChecksumAlgorithm: 'SHA256' } : {}),
    })
    try {
      const copied = await this.#connection.find('copy the staged bytes', command, COPY)
      return copied && (copied.CopyObjectResult ?? {})
    } catch (error) {
      // Another body has taken its place.
      if (isStoreError(error, 'refused')) return undefined
      throw error
    }
  }

  async #sign(
    command: PutObjectCommand | GetObjectCommand,
    seconds: number,
    headers: string[],
  ): Promise<string> {
    const { client, clockSkewMs = 0 } = this.#connection
    const skewMs = Math.abs(clockSkewMs) < MINOR_SKEW_MS ? 0 : clockSkewMs
    const signed = getSignedUrl(client, command as GetObjectCommand, {
      expiresIn: Math.min(seconds, MAX_SECONDS),
      signingDate: new Date(Date.now() + skewMs),
      signableHeaders: new Set(headers),
      // The SDK would move it to the query, where it binds nobody.
      unhoistableHeaders: new Set([DIGEST_HEADER]),
    })
    return signed.catch((error: unknown) => {
      throw s3Error('sign a URL', error)
    })
  }
}

/** Undefined, or the digest of parts, is no digest of the bytes. */
function hexOf(base64: string | undefined): string | null {
  if (base64 === undefined || !/^[A-Za-z0-9+/]{43}=$/.test(base64)) return null
  return Buffer.from(base64, 'base64').toString('hex')
}
