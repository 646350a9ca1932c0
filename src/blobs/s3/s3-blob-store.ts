import type { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { StoreError } from '../../core/errors.ts'
import type { BlobEntry, BlobKey, BlobStore, ByteRange, PutOptions } from '../../core/ports/blob-store.ts'
import type { WatchCall } from '../../core/watch-call.ts'
import type { PartRoom } from './body-part.ts'
import { PartPace } from './body-parts.ts'
import { S3Connection, type S3Location } from './connection.ts'
import { S3DirectTransfer } from './direct.ts'
import { isNotFound, isTaken, onS3 } from './errors.ts'
import { probeS3, type S3Abilities } from './probe.ts'
import { putObject, type S3Writing } from './put.ts'
import { readObject } from './read.ts'

const KEY_PATTERN = /^[0-9a-f]{32}$/
/** Longer than all attempts of a request together; what a network may still deliver afterwards is far younger. */
const LATE_WRITE_MS = 60 * 60 * 1000
/** Of a page of a list, which is work on stores that keep no order. */
const LIST_MS = 30_000

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
  readonly #writing: S3Writing
  /** Keys that are being written: with conditional writes or without, one of two puts of a key wins. */
  readonly #incoming = new Set<BlobKey>()
  #claiming: Promise<unknown> = Promise.resolve()

  private constructor(
    connection: S3Connection,
    abilities: S3Abilities,
    room: PartRoom,
    options: S3BlobStoreOptions,
  ) {
    this.#connection = connection
    this.abilities = abilities
    this.lateWriteMs = options.lateWriteMs ?? LATE_WRITE_MS
    this.#writing = { connection, room, pace: new PartPace(), ...abilities }
    const names = { nameOf: this.#nameOf.bind(this), stagingNameOf: this.#stagingNameOf.bind(this) }
    if (options.direct) this.direct = new S3DirectTransfer(connection, abilities, names)
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
    try {
      return new S3BlobStore(connection, await probeS3(connection), room, options)
    } catch (error) {
      connection.close()
      throw error
    }
  }

  async put(
    key: BlobKey,
    body: AsyncIterable<Uint8Array>,
    options: PutOptions = {},
  ): Promise<{ readonly sizeBytes: number }> {
    if (this.#incoming.has(key)) throw new StoreError('refused', 'a blob of this key is being stored already')
    this.#incoming.add(key)
    try {
      return { sizeBytes: await putObject(this.#writing, this.#nameOf(key), body, options) }
    } finally {
      this.#incoming.delete(key)
    }
  }

  async open(key: BlobKey, range?: ByteRange): Promise<Readable> {
    return readObject(this.#connection, this.#nameOf(key), range)
  }

  /** Open uploads go first: what one of them publishes at the last moment is then deleted with the rest. */
  async delete(key: BlobKey): Promise<void> {
    const name = this.#nameOf(key)
    for await (const upload of this.#openUploads(name)) {
      if (upload.name === name) await onS3('abort an upload', this.#abort(name, upload.id))
    }
    // Direct transfer may have been on before: what it staged is deleted all the same.
    const names = [name, this.#stagingNameOf(key)]
    await onS3('delete the blob', Promise.all(names.map((one) => this.#remove(one))))
  }

  async *list(): AsyncIterable<BlobEntry> {
    for await (const { name } of this.#openUploads(`${this.#prefix}blobs/`)) {
      const key = keyOf(name)
      if (key !== undefined) yield { key, sizeBytes: 0, published: false }
    }
    for (const [folder, published] of [
      ['staging', false],
      ['blobs', true],
    ] as const) {
      for await (const { name, sizeBytes } of this.#objects(`${this.#prefix}${folder}/`)) {
        const key = keyOf(name)
        if (key !== undefined) yield { key, sizeBytes, published }
      }
    }
  }

  async hasRoomFor(): Promise<boolean> {
    return true
  }

  async owner(): Promise<string | undefined> {
    return onS3('read the owner of the bucket', this.#readText(`${this.#prefix}STORE`))
  }

  async claim(storeId: string): Promise<string> {
    // One at a time: where the store itself cannot decide between two, at least this process does.
    const claimed = this.#claiming.then(() => onS3('claim the bucket', this.#readOrCreate(storeId)))
    this.#claiming = claimed.catch(() => {})
    return claimed
  }

  async check(): Promise<void> {
    const name = `${this.#prefix}probe/check`
    const command = new PutObjectCommand({ ...this.#bucket, Key: name, Body: 'check\n' })
    await onS3(
      'store a blob',
      this.#connection.call((http) => this.#connection.client.send(command, http)),
    )
    await onS3('delete a blob', this.#remove(name))
  }

  close(): void {
    this.#connection.close()
  }

  async #readOrCreate(content: string): Promise<string> {
    const name = `${this.#prefix}STORE`
    const found = await this.#readText(name)
    if (found !== undefined) return found
    const command = new PutObjectCommand({
      ...this.#bucket,
      Key: name,
      Body: `${content}\n`,
      ...(this.abilities.conditionalWrites ? { IfNoneMatch: '*' } : {}),
    })
    try {
      await this.#connection.call((http) => this.#connection.client.send(command, http))
    } catch (error) {
      if (!isTaken(error)) throw error
    }
    const written = await this.#readText(name)
    if (written === undefined) throw new StoreError('unavailable', 'the store lost what it has just taken')
    return written
  }

  async #readText(name: string): Promise<string | undefined> {
    const command = new GetObjectCommand({ ...this.#bucket, Key: name })
    try {
      const { Body } = await this.#connection.call((http) => this.#connection.client.send(command, http))
      return (await Body?.transformToString())?.trim()
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  async #remove(name: string): Promise<void> {
    const command = new DeleteObjectCommand({ ...this.#bucket, Key: name })
    try {
      await this.#connection.call((http) => this.#connection.client.send(command, http))
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }

  async #abort(name: string, uploadId: string): Promise<void> {
    const command = new AbortMultipartUploadCommand({ ...this.#bucket, Key: name, UploadId: uploadId })
    try {
      await this.#connection.call((http) => this.#connection.client.send(command, http))
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }

  async *#objects(prefix: string): AsyncGenerator<{ name: string; sizeBytes: number }> {
    let token: string | undefined
    do {
      const command = new ListObjectsV2Command({ ...this.#bucket, Prefix: prefix, ContinuationToken: token })
      const listing = this.#connection.call((http) => this.#connection.client.send(command, http), {
        timeoutMs: LIST_MS,
      })
      const page = await onS3('list the blobs', listing)
      for (const { Key = '', Size = 0 } of page.Contents ?? []) yield { name: Key, sizeBytes: Size }
      token = page.IsTruncated ? page.NextContinuationToken : undefined
    } while (token !== undefined)
  }

  async *#openUploads(prefix: string): AsyncGenerator<{ name: string; id: string }> {
    let after: { KeyMarker: string | undefined; UploadIdMarker: string | undefined } | undefined
    do {
      const command = new ListMultipartUploadsCommand({ ...this.#bucket, Prefix: prefix, ...after })
      const listing = this.#connection.call((http) => this.#connection.client.send(command, http), {
        timeoutMs: LIST_MS,
      })
      const page = await onS3('list open uploads', listing)
      for (const { Key = '', UploadId = '' } of page.Uploads ?? []) yield { name: Key, id: UploadId }
      after = page.IsTruncated
        ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
        : undefined
    } while (after !== undefined)
  }

  get #bucket(): { readonly Bucket: string } {
    return { Bucket: this.#connection.location.bucket }
  }

  get #prefix(): string {
    return this.#connection.location.prefix
  }

  #nameOf(key: BlobKey): string {
    return `${this.#prefix}blobs/${checkedKey(key).slice(0, 2)}/${key}`
  }

  #stagingNameOf(key: BlobKey): string {
    return `${this.#prefix}staging/${checkedKey(key)}`
  }
}

function checkedKey(key: BlobKey): BlobKey {
  if (!KEY_PATTERN.test(key)) throw new StoreError('refused', 'a blob key has 32 lower-case hex characters')
  return key
}

/** Undefined for objects that are none of ours. */
function keyOf(name: string): BlobKey | undefined {
  const key = name.slice(name.lastIndexOf('/') + 1)
  return KEY_PATTERN.test(key) ? key : undefined
}
