import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { BodySize } from '../../core/body-size.ts'
import { StoreError } from '../../core/errors.ts'
import type { PutOptions } from '../../core/ports/blob-store.ts'
import type { BodyPart, PartRoom } from './body-part.ts'
import { BodyParts, type CutPart, type PartPace } from './body-parts.ts'
import type { S3Connection } from './connection.ts'
import { isNotFound, isTransient, onS3, s3Error } from './errors.ts'
import { type SendPart, sendPart } from './part.ts'
import { POOLED_BYTES } from './part-buffers.ts'

/** What a body may have to be sent in one piece, and the parts of larger ones; equal, as some stores demand. */
const PART_BYTES = POOLED_BYTES
const MAX_PARTS = 10_000
const MEBIBYTE = 1024 * 1024
/** What the first buffer of a part has, whatever was announced, and what that of a body of unknown length has. */
const MAX_FIRST_BUFFER_BYTES = MEBIBYTE
const FIRST_BUFFER_BYTES = 64 * 1024
const MIN_BYTES_PER_MS = 512
/** A store may take its time to put the parts together. */
const COMPLETE_MS = 120_000
/** After a complete whose outcome is not known, the pauses before each look, in times that the store may take to answer. */
const LOOK_PAUSES = [0, 0.2, 0.6]

/** Where an attempt to write leaves its name: it tells our own object from another's, whatever checksums the store knows. */
const STAMP = 'entrepot-put'

/** How bodies are written to one bucket. */
export interface S3Writing {
  readonly connection: S3Connection
  readonly room: PartRoom
  readonly pace: PartPace
  readonly conditionalWrites: boolean
  readonly checksums: boolean
}

/**
 * Stores a body as the object `name`, whole or not at all, in bounded memory: two parts at most, within the room for all. Where it fails an object that is not ours is
 * as it was; what came of ours is for whoever collects the key.
 * @returns its size
 * @throws StoreError `refused` if there is such an object, `full`, `unavailable`; and what the body throws
 */
export async function putObject(
  writing: S3Writing,
  name: string,
  body: AsyncIterable<Uint8Array>,
  { size, organizationId = '' }: PutOptions,
): Promise<number> {
  const { room, pace } = writing
  const maxBytes = partBytesFor(size?.atMost)
  const firstBufferBytes = firstBufferBytesFor(size)
  await using parts = new BodyParts(room, pace, { organizationId, maxBytes, firstBufferBytes })
  const attempt = new PutAttempt(writing, name)
  const cutParts = parts.cut(body)
  try {
    const { value: first } = await cutParts.next()
    if (first.last) return await attempt.putWhole(first.part)
    return await attempt.putParts(first, cutParts, (part) => parts.release(part))
  } finally {
    await cutParts.return(undefined)
  }
}

/** Grows where the largest number of parts would not do; a body of unknown size has to fit into parts of the usual one. */
function partBytesFor(maxBytes = 0): number {
  return Math.max(PART_BYTES, Math.ceil(maxBytes / MAX_PARTS / MEBIBYTE) * MEBIBYTE)
}

function firstBufferBytesFor({ atLeast, atMost = Number.POSITIVE_INFINITY }: Partial<BodySize> = {}): number {
  const plannedBytes = Math.max(atLeast ?? 0, Math.min(atMost, FIRST_BUFFER_BYTES))
  return Math.min(MAX_FIRST_BUFFER_BYTES, Math.max(1, plannedBytes))
}

/** One write of one object. What it sends again is the same, byte for byte, so that it does not matter what arrives twice. */
class PutAttempt {
  readonly #writing: S3Writing
  readonly #target: { readonly Bucket: string; readonly Key: string }
  readonly #stamp = randomUUID()

  constructor(writing: S3Writing, name: string) {
    this.#writing = writing
    this.#target = { Bucket: writing.connection.location.bucket, Key: name }
  }

  async putWhole(part: BodyPart): Promise<number> {
    const { connection, conditionalWrites } = this.#writing
    if (!conditionalWrites) await this.#requireFree()
    const input = {
      ...this.#target,
      ...this.#checksumOf(part),
      ...(conditionalWrites ? { IfNoneMatch: '*' } : {}),
      Metadata: { [STAMP]: this.#stamp },
    }
    try {
      await this.#send(part, undefined, (body, http) =>
        connection.client.send(new PutObjectCommand({ ...input, ...body }), http),
      )
    } catch (error) {
      // Also a "there is one already" may speak of what an attempt of ours has left.
      const found = await this.#look(part.sizeBytes)
      if (found === 'foreign') throw takenError()
      if (found !== 'ours') throw s3Error('store the blob', error)
    }
    return part.sizeBytes
  }

  /** Calls `release` for each part that is stored. */
  async putParts(
    first: CutPart,
    rest: AsyncIterable<CutPart>,
    release: (part: BodyPart) => Promise<void>,
  ): Promise<number> {
    await this.#requireFree()
    const uploadId = await onS3('begin to store the blob', this.#begin())
    const stop = new AbortController()
    try {
      const { parts, sizeBytes } = await this.#sendParts(uploadId, first, rest, stop, release)
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
      // A second one would be open for ever, unknown to us.
      repeatable: false,
    })
    if (UploadId === undefined) throw new StoreError('unavailable', 'the store gave no upload id')
    return UploadId
  }

  /** While one part is sent the next one fills; none is on its way when this ends. */
  async #sendParts(
    uploadId: string,
    first: CutPart,
    rest: AsyncIterable<CutPart>,
    stop: AbortController,
    release: (part: BodyPart) => Promise<void>,
  ): Promise<{ parts: CompletedPart[]; sizeBytes: number }> {
    const { signal } = stop
    const parts: CompletedPart[] = []
    let sizeBytes = 0
    let sending: Promise<unknown> = Promise.resolve()
    const send = async ({ part }: CutPart) => {
      await sending
      const number = parts.length + 1
      if (number > MAX_PARTS) throw new StoreError('refused', 'the blob has too many parts for the store')
      sizeBytes += part.sizeBytes
      sending = this.#storePart(uploadId, number, part, signal)
        .then((stored) => parts.push(stored))
        .finally(() => release(part))
      // Met at the next await of it; until then it must not count as unhandled.
      sending.catch(() => {})
    }
    try {
      await send(first)
      for await (const part of rest) await send(part)
      await sending
    } catch (error) {
      stop.abort()
      await sending.catch(() => {})
      throw error
    }
    return { parts, sizeBytes }
  }

  async #storePart(
    uploadId: string,
    number: number,
    part: BodyPart,
    signal: AbortSignal,
  ): Promise<CompletedPart> {
    const { client } = this.#writing.connection
    const checksum = this.#checksumOf(part)
    const input = { ...this.#target, ...checksum, UploadId: uploadId, PartNumber: number }
    const sent = this.#send(part, signal, (body, http) =>
      client.send(new UploadPartCommand({ ...input, ...body }), http),
    )
    const { ETag } = await onS3('store a part of the blob', sent)
    return { PartNumber: number, ETag, ...checksum }
  }

  #send<T>(part: BodyPart, signal: AbortSignal | undefined, send: SendPart<T>): Promise<T> {
    const { connection } = this.#writing
    const timeoutMs = connection.answerMs + part.sizeBytes / MIN_BYTES_PER_MS
    return connection.call(({ abortSignal }) => sendPart(part, abortSignal, send), { timeoutMs, signal })
  }

  /** Sent once: two at a time have destroyed data in stores (minio/minio#17858). */
  async #complete(uploadId: string, parts: CompletedPart[], sizeBytes: number): Promise<void> {
    const { connection } = this.#writing
    const command = new CompleteMultipartUploadCommand({
      ...this.#target,
      UploadId: uploadId,
      MultipartUpload: { Parts: parts },
    })
    const options = { timeoutMs: COMPLETE_MS, repeatable: false }
    try {
      await connection.call((http) => connection.client.send(command, http), options)
    } catch (error) {
      for (const pause of isTransient(error) ? LOOK_PAUSES : [0]) {
        await delay(pause * connection.answerMs)
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

  #checksumOf(part: BodyPart): { ChecksumCRC32?: string } {
    if (!this.#writing.checksums) return {}
    const sum = Buffer.alloc(4)
    sum.writeUInt32BE(part.crc32)
    return { ChecksumCRC32: sum.toString('base64') }
  }
}

function takenError(): StoreError {
  return new StoreError('refused', 'there is a blob of this key already')
}
