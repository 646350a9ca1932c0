import type { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { isStoreError, StoreError } from '../../core/errors.ts'
import {
  BLOB_KEY,
  type BlobEntry,
  type BlobKey,
  type BlobStore,
  type ByteRange,
  type PutOptions,
} from '../../core/ports/blob-store.ts'
import type { WatchCall } from '../../core/watch-call.ts'
import type { PartRoom } from './body-part.ts'
import { S3Connection, type S3Location, type S3Object } from './connection.ts'
import { S3DirectTransfer } from './direct.ts'
import { undefinedIfMissing } from './errors.ts'
import { probeS3, type S3Abilities } from './probe.ts'
import { putObject } from './put.ts'
import { readObject } from './read.ts'

/** Longer than all attempts of a request together; what a network may still deliver afterwards is far younger. */
const LATE_WRITE_MS = 60 * 60 * 1000
/** Of a page of a list, which is work on stores that keep no order. */
const LIST = { timeoutMs: 30_000 }

export interface S3BlobStoreOptions {
  /** Offer `direct`. */
  readonly direct?: boolean
  /** How long the store may take to answer what is short. */
  readonly answerMs?: number
  /** For how long a request that was given up may still be carried out; default an hour. */
  readonly lateWriteMs?: number
  /** Told of each attempt, `PutObject` and the like. */
  readonly watch?: WatchCall | undefined
}

/**
 * Blobs as objects of one bucket, `<prefix>blobs/<2 hex>/<key>`. An object appears whole or not at all, so bodies that pass
 * through us need no staging; what is unpublished are open multipart uploads, and what clients put to `staging/<key>`.
 */
export class S3BlobStore implements BlobStore {
  readonly lateWriteMs: number
  readonly direct?: S3DirectTransfer
  /** What this store can do, as tried at start. */
  readonly abilities: S3Abilities
  readonly #connection: S3Connection
  readonly #room: PartRoom
  /** Keys that are being written: with conditional writes or without, one of two puts of a key wins. */
  readonly #incoming = new Set<BlobKey>()
  #claiming: Promise<unknown> = Promise.resolve()

  private constructor(
    connection: S3Connection,
    abilities: S3Abilities,
    room: PartRoom,
    { lateWriteMs = LATE_WRITE_MS, direct = false }: S3BlobStoreOptions,
  ) {
    this.#connection = connection
    this.abilities = abilities
    this.lateWriteMs = lateWriteMs
    this.#room = room
    if (direct) this.direct = new S3DirectTransfer(connection, abilities)
  }

  /**
   * Connects, and tries what the store can do. Bodies on their way collect in `room`.
   * @throws Error in one sentence that says what to do if the bucket cannot be used
   */
  static async open(
    location: S3Location,
    room: PartRoom,
    options: S3BlobStoreOptions = {},
  ): Promise<S3BlobStore> {
    const connection = new S3Connection(location, options.answerMs, options.watch)
    return new S3BlobStore(connection, await probeS3(connection), room, options)
  }

  async put(
    key: BlobKey,
    body: AsyncIterable<Uint8Array>,
    options: PutOptions = {},
  ): Promise<{ readonly sizeBytes: number }> {
    if (this.#incoming.has(key)) throw new StoreError('refused', 'a blob of this key is being stored already')
    this.#incoming.add(key)
    try {
      const writing = { connection: this.#connection, room: this.#room, ...this.abilities }
      return { sizeBytes: await putObject(writing, this.#connection.blob(key), body, options) }
    } finally {
      this.#incoming.delete(key)
    }
  }

  async open(key: BlobKey, range?: ByteRange): Promise<Readable> {
    return readObject(this.#connection, this.#connection.blob(key), range)
  }

  /** Open uploads go first: what one of them publishes at the last moment is then deleted with the rest. */
  async delete(key: BlobKey): Promise<void> {
    const blob = this.#connection.blob(key)
    for await (const { name, uploadId: UploadId } of this.#openUploads(blob.Key)) {
      if (name !== blob.Key) continue
      await this.#connection.find('abort an upload', new AbortMultipartUploadCommand({ ...blob, UploadId }))
    }
    // Direct transfer may have been on before: what it staged is deleted all the same.
    await Promise.all([this.#remove(blob), this.#remove(this.#connection.staged(key))])
  }

  async *list(): AsyncIterable<BlobEntry> {
    for await (const { name } of this.#openUploads(this.#connection.object('blobs/').Key))
      yield* entryOf(name, 0, false)
    for (const folder of ['staging/', 'blobs/']) {
      for await (const { name, sizeBytes } of this.#objects(this.#connection.object(folder).Key))
        yield* entryOf(name, sizeBytes, folder === 'blobs/')
    }
  }

  async hasRoomFor(): Promise<boolean> {
    return true
  }

  async owner(): Promise<string | undefined> {
    const command = new GetObjectCommand(this.#connection.object('STORE'))
    const reading = this.#connection.call('read the owner of the bucket', async (http) => {
      const { Body } = await this.#connection.client.send(command, http)
      return (await Body?.transformToString())?.trim()
    })
    return reading.catch(undefinedIfMissing)
  }

  async claim(storeId: string): Promise<string> {
    // One at a time: where the store itself cannot decide between two, at least this process does.
    const claimed = this.#claiming.then(() => this.#claim(storeId))
    this.#claiming = claimed.catch(() => {})
    return claimed
  }

  async #claim(storeId: string): Promise<string> {
    const found = await this.owner()
    if (found !== undefined) return found
    const command = new PutObjectCommand({
      ...this.#connection.object('STORE'),
      Body: `${storeId}\n`,
      ...(this.abilities.conditionalWrites ? { IfNoneMatch: '*' } : {}),
    })
    await this.#connection.send('claim the bucket', command).catch((error: unknown) => {
      if (!isStoreError(error, 'refused')) throw error
    })
    const written = await this.owner()
    if (written === undefined) throw new StoreError('unavailable', 'the store lost what it has just taken')
    return written
  }

  async check(): Promise<void> {
    const object = this.#connection.object('probe/check')
    await this.#connection.send('store a blob', new PutObjectCommand({ ...object, Body: 'check\n' }))
    await this.#remove(object)
  }

  async #remove(object: S3Object): Promise<void> {
    await this.#connection.find('delete the blob', new DeleteObjectCommand(object))
  }

  async *#objects(Prefix: string): AsyncGenerator<{ name: string; sizeBytes: number }> {
    const { bucket: Bucket } = this.#connection.location
    let ContinuationToken: string | undefined
    do {
      const command = new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken })
      const page = await this.#connection.send('list the blobs', command, LIST)
      for (const { Key = '', Size = 0 } of page.Contents ?? []) yield { name: Key, sizeBytes: Size }
      ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined
    } while (ContinuationToken !== undefined)
  }

  async *#openUploads(Prefix: string): AsyncGenerator<{ name: string; uploadId: string }> {
    const { bucket: Bucket } = this.#connection.location
    let after: { KeyMarker: string | undefined; UploadIdMarker: string | undefined } | undefined
    do {
      const command = new ListMultipartUploadsCommand({ Bucket, Prefix, ...after })
      const page = await this.#connection.send('list open uploads', command, LIST)
      for (const { Key = '', UploadId = '' } of page.Uploads ?? []) yield { name: Key, uploadId: UploadId }
      after = page.IsTruncated
        ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
        : undefined
    } while (after !== undefined)
  }
}

/** None for objects that are none of ours. */
function entryOf(name: string, sizeBytes: number, published: boolean): BlobEntry[] {
  const key = name.slice(name.lastIndexOf('/') + 1)
  return BLOB_KEY.test(key) ? [{ key, sizeBytes, published }] : []
}
