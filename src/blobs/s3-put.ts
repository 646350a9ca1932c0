import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { PutOptions } from '../core/blob-store.ts'
import { StoreError } from '../core/errors.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { S3Connection } from './s3-connection.ts'
import { isNotFound, isTransient, onS3, s3Error } from './s3-errors.ts'
import { type Slab, Slabs } from './slabs.ts'
import { abortedError } from './until-aborted.ts'

/** What a body may have to be sent in one piece, and the parts of larger ones; equal, as some stores demand. */
const SLAB_BYTES = 16 * 1024 * 1024
const MAX_PARTS = 10_000
const MEBIBYTE = 1024 * 1024
const MIN_BYTES_PER_MS = 512
/** A store may take its time to put the parts together. */
const COMPLETE_MS = 120_000
/** After a complete whose outcome is not known, when to look again. */
const LOOKS_MS = [0, 1_000, 3_000]

/** Where an attempt to write leaves its name: it tells our own object from another's, whatever checksums the store knows. */
const STAMP = 'entrepot-put'

/** How bodies are written to one bucket. */
export interface S3Writing {
  readonly connection: S3Connection
  readonly memory: MemoryBudget
  readonly conditionalWrites: boolean
  readonly checksums: boolean
}

/**
 * Stores a body as the object `name`, whole or not at all, in bounded memory. Where it fails an object that is not ours is
 * as it was; what came of ours is for whoever collects the key.
 * @returns its size
 * @throws StoreError `refused` if there is such an object, `aborted`, `full`, `unavailable`; and what the body throws
 */
export async function putObject(
  writing: S3Writing,
  name: string,
  body: AsyncIterable<Uint8Array>,
  { signal, size }: PutOptions,
): Promise<number> {
  if (signal?.aborted) throw abortedError(signal)
  using slabs = new Slabs(body, {
    slabBytes: slabBytesFor(size?.atMost),
    budget: writing.memory,
    maxBytes: size?.atMost,
    signal,
  })
  const attempt = new PutAttempt(writing, name, signal)
  const slabsOfBody = slabs.cut()
  try {
    const { value: first } = await slabsOfBody.next()
    return first.last ? await attempt.putWhole(first) : await attempt.putParts(first, slabsOfBody)
  } finally {
    await slabsOfBody.return(undefined)
  }
}

/** Grows where the largest number of parts would not do; a body of unknown size has to fit into parts of the usual one. */
function slabBytesFor(maxBytes = 0): number {
  return Math.max(SLAB_BYTES, Math.ceil(maxBytes / MAX_PARTS / MEBIBYTE) * MEBIBYTE)
}

/** One write of one object. What it sends again is the same, byte for byte, so that it does not matter what arrives twice. */
class PutAttempt {
  readonly #writing: S3Writing
  readonly #target: { readonly Bucket: string; readonly Key: string }
  readonly #signal: AbortSignal | undefined
  readonly #stamp = randomUUID()

  constructor(writing: S3Writing, name: string, signal: AbortSignal | undefined) {
    this.#writing = writing
    this.#target = { Bucket: writing.connection.location.bucket, Key: name }
    this.#signal = signal
  }

  async putWhole({ bytes }: Slab): Promise<number> {
    const { connection, conditionalWrites } = this.#writing
    if (!conditionalWrites) await this.#requireFree()
    const command = new PutObjectCommand({
      ...this.#target,
      ...this.#checksumOf(bytes),
      ...(conditionalWrites ? { IfNoneMatch: '*' } : {}),
      Body: bytes,
      ContentLength: bytes.byteLength,
      Metadata: { [STAMP]: this.#stamp },
    })
    const options = { timeoutMs: sendMs(connection, bytes), signal: this.#signal }
    try {
      await connection.call((http) => connection.client.send(command, http), options)
    } catch (error) {
      // Also a "there is one already" may speak of what an attempt of ours has left.
      const found = await this.#look(bytes.byteLength)
      if (found === 'foreign') throw takenError()
      if (found !== 'ours') throw s3Error('store the blob', error)
    }
    return bytes.byteLength
  }

  async putParts(first: Slab, rest: AsyncIterable<Slab>): Promise<number> {
    await this.#requireFree()
    const uploadId = await onS3('begin to store the blob', this.#begin())
    const stop = new AbortController()
    try {
      const { parts, sizeBytes } = await this.#sendParts(uploadId, first, rest, stop)
      await this.#complete(uploadId, parts, sizeBytes)
      return sizeBytes
    } catch (error) {
      await this.#abort(uploadId)
      throw error
    }
  }

  async #begin(): Promise<string> {
    const { connection, checksums } = this.#writing
    const command = new CreateMultipartUploadCommand({
      ...this.#target,
      ...(checksums ? { ChecksumAlgorithm: 'CRC32' } : {}),
      Metadata: { [STAMP]: this.#stamp },
    })
    const { UploadId } = await connection.call((http) => connection.client.send(command, http), {
      signal: this.#signal,
      // A second one would be open for ever, unknown to us.
      repeatable: false,
    })
    if (UploadId === undefined) throw new StoreError('unavailable', 'the store gave no upload id')
    return UploadId
  }

  /** While one part is sent the next one fills; none is on its way when this ends. */
  async #sendParts(
    uploadId: string,
    first: Slab,
    rest: AsyncIterable<Slab>,
    stop: AbortController,
  ): Promise<{ parts: CompletedPart[]; sizeBytes: number }> {
    const signal = this.#signal ? AbortSignal.any([this.#signal, stop.signal]) : stop.signal
    const parts: CompletedPart[] = []
    let sizeBytes = 0
    let sending: Promise<unknown> = Promise.resolve()
    const send = async (slab: Slab) => {
      await sending
      const number = parts.length + 1
      if (number > MAX_PARTS) throw new StoreError('refused', 'the blob has too many parts for the store')
      sizeBytes += slab.bytes.byteLength
      sending = this.#sendPart(uploadId, number, slab.bytes, signal)
        .then((part) => parts.push(part))
        .finally(() => slab.release())
      // Met at the next await of it; until then it must not count as unhandled.
      sending.catch(() => {})
    }
    try {
      await send(first)
      for await (const slab of rest) await send(slab)
      await sending
    } catch (error) {
      stop.abort()
      await sending.catch(() => {})
      throw error
    }
    return { parts, sizeBytes }
  }

  async #sendPart(
    uploadId: string,
    number: number,
    bytes: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<CompletedPart> {
    const { connection } = this.#writing
    const checksum = this.#checksumOf(bytes)
    const command = new UploadPartCommand({
      ...this.#target,
      ...checksum,
      UploadId: uploadId,
      PartNumber: number,
      Body: bytes,
      ContentLength: bytes.byteLength,
    })
    const sent = connection.call((http) => connection.client.send(command, http), {
      timeoutMs: sendMs(connection, bytes),
      signal,
    })
    const { ETag } = await onS3('store a part of the blob', sent)
    return { PartNumber: number, ETag, ...checksum }
  }

  /** Sent once: two at a time have destroyed data in stores (minio/minio#17858). */
  async #complete(uploadId: string, parts: CompletedPart[], sizeBytes: number): Promise<void> {
    const { connection } = this.#writing
    const command = new CompleteMultipartUploadCommand({
      ...this.#target,
      UploadId: uploadId,
      MultipartUpload: { Parts: parts },
    })
    const options = { timeoutMs: COMPLETE_MS, signal: this.#signal, repeatable: false }
    try {
      await connection.call((http) => connection.client.send(command, http), options)
    } catch (error) {
      for (const pauseMs of isTransient(error) ? LOOKS_MS : [0]) {
        await delay(pauseMs)
        if ((await this.#look(sizeBytes)) === 'ours') return
      }
      throw s3Error('complete the blob', error)
    }
  }

  /** Never fails: what stays open is found by whoever collects the key. */
  async #abort(uploadId: string): Promise<void> {
    const { connection } = this.#writing
    const command = new AbortMultipartUploadCommand({ ...this.#target, UploadId: uploadId })
    await connection.call((http) => connection.client.send(command, http)).catch(() => {})
  }

  async #requireFree(): Promise<void> {
    const found = await onS3('look for the blob', this.#head())
    if (found !== undefined) throw takenError()
  }

  async #look(sizeBytes: number): Promise<'ours' | 'foreign' | 'none' | 'unknown'> {
    try {
      const found = await this.#head()
      if (found === undefined) return 'none'
      return found.stamp === this.#stamp && found.sizeBytes === sizeBytes ? 'ours' : 'foreign'
    } catch {
      return 'unknown'
    }
  }

  async #head(): Promise<{ stamp: string | undefined; sizeBytes: number | undefined } | undefined> {
    const { connection } = this.#writing
    const command = new HeadObjectCommand(this.#target)
    try {
      const found = await connection.call((http) => connection.client.send(command, http))
      return { stamp: found.Metadata?.[STAMP], sizeBytes: found.ContentLength }
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  #checksumOf(bytes: Uint8Array): { ChecksumCRC32?: string } {
    if (!this.#writing.checksums) return {}
    const sum = Buffer.alloc(4)
    sum.writeUInt32BE(crc32(bytes))
    return { ChecksumCRC32: sum.toString('base64') }
  }
}

function sendMs({ answerMs }: S3Connection, bytes: Uint8Array): number {
  return answerMs + bytes.byteLength / MIN_BYTES_PER_MS
}

function takenError(): StoreError {
  return new StoreError('refused', 'there is a blob of this key already')
}
