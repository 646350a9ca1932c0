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
import { StoreError } from '../../core/errors.ts'
import type { PutOptions } from '../../core/ports/blob-store.ts'
import { BodyPart, type PartRoom, POOLED_BYTES } from './body-part.ts'
import type { S3Connection, S3Object } from './connection.ts'
import { isTransient } from './errors.ts'
import type { S3Abilities } from './probe.ts'
import { base64Crc32, type PartInput, sendPart } from './send-part.ts'

/** The longest body that is sent in one piece, and the parts of longer ones; equal, as some stores demand. */
const PART_BYTES = POOLED_BYTES
const MAX_PARTS = 10_000
const MEBIBYTE = 1024 * 1024
/** A store may take its time to put the parts together. */
const COMPLETE_MS = 120_000
/** After a complete whose outcome is not known, the pauses before each look, in times that the store may take to answer. */
const LOOK_PAUSES = [0, 0.2, 0.6]

/** Where an attempt to write leaves its name: it tells our own object from another's, whatever checksums the store knows. */
const STAMP = 'entrepot-put'

/** How bodies are written to one bucket. */
export interface S3Writing extends Pick<S3Abilities, 'conditionalWrites' | 'checksums'> {
  readonly connection: S3Connection
  readonly room: PartRoom
}

/**
 * Stores a body as one object, whole or not at all, in bounded memory: two parts at most, within the room for all. Where it
 * fails an object that is not ours is as it was; whoever collects the key removes what came of ours.
 * @returns its size
 * @throws StoreError `refused` if there is such an object, `full`, `unavailable`; and what the body throws
 */
export async function putObject(
  writing: S3Writing,
  target: S3Object,
  body: AsyncIterable<Uint8Array>,
  { size, organizationId = '' }: PutOptions,
): Promise<number> {
  const { atMost } = size ?? {}
  // Grows where the largest number of parts would not do; a body of unknown size has to fit into parts of the usual one.
  const maxBytes = Math.max(PART_BYTES, Math.ceil((atMost ?? 0) / MAX_PARTS / MEBIBYTE) * MEBIBYTE)
  const options = { organizationId, maxBytes, expectedBytes: atMost ?? maxBytes }
  await using begun = new AsyncDisposableStack()
  const parts = cut(body, maxBytes, () => begun.use(new BodyPart(writing.room, options)))
  const attempt = new PutAttempt(writing, target)
  try {
    const { value: first } = await parts.next()
    return first.isLast ? await attempt.putWhole(first.part) : await attempt.putParts(first.part, parts)
  } finally {
    await parts.return(undefined)
  }
}

interface CutPart {
  readonly part: BodyPart
  readonly isLast: boolean
}

/**
 * Cuts a body into parts of equal size, the last one excepted; an empty body is one empty part. It fills a part while the one
 * before is in use, no more.
 */
async function* cut(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  begin: () => BodyPart,
): AsyncGenerator<CutPart> {
  let part = begin()
  for await (const chunk of body) {
    for (let rest = chunk; rest.byteLength > 0; ) {
      if (part.sizeBytes === maxBytes) {
        await part.seal()
        yield { part, isLast: false }
        part = begin()
      }
      const fitting = rest.subarray(0, maxBytes - part.sizeBytes)
      await part.append(fitting)
      rest = rest.subarray(fitting.byteLength)
    }
  }
  await part.seal()
  yield { part, isLast: true }
}

/** One write of one object. What it sends again is the same, byte for byte, so that it does not matter what arrives twice. */
class PutAttempt {
  readonly #writing: S3Writing
  readonly #connection: S3Connection
  readonly #target: S3Object
  readonly #stamp = randomUUID()

  constructor(writing: S3Writing, target: S3Object) {
    this.#writing = writing
    this.#connection = writing.connection
    this.#target = target
  }

  async putWhole(part: BodyPart): Promise<number> {
    const { conditionalWrites } = this.#writing
    if (!conditionalWrites) await this.#requireFree()
    const input = {
      ...this.#target,
      ...this.#checksumOf(part),
      ...(conditionalWrites ? { IfNoneMatch: '*' } : {}),
      Metadata: { [STAMP]: this.#stamp },
    }
    try {
      await sendPart(this.#connection, part, (body) => new PutObjectCommand({ ...input, ...body }))
    } catch (error) {
      // Also a "there is one already" may speak of what an attempt of ours has left.
      const found = await this.#look(part.sizeBytes)
      if (found === 'foreign') throw takenError()
      if (found !== 'ours') throw error
    }
    return part.sizeBytes
  }

  async putParts(first: BodyPart, rest: AsyncIterable<CutPart>): Promise<number> {
    await this.#requireFree()
    const UploadId = await this.#begin()
    try {
      const { parts, sizeBytes } = await this.#sendParts(UploadId, first, rest)
      await this.#complete(UploadId, parts, sizeBytes)
      return sizeBytes
    } catch (error) {
      // Whoever collects the key finds what stays open.
      const abort = new AbortMultipartUploadCommand({ ...this.#target, UploadId })
      await this.#connection.send('abort an upload', abort).catch(() => {})
      throw error
    }
  }

  async #begin(): Promise<string> {
    const command = new CreateMultipartUploadCommand({
      ...this.#target,
      ...(this.#writing.checksums ? { ChecksumAlgorithm: 'CRC32' } : {}),
      Metadata: { [STAMP]: this.#stamp },
    })
    // A second one would be open for ever, unknown to us.
    const options = { repeatable: false }
    const { UploadId } = await this.#connection.send('begin to store the blob', command, options)
    if (UploadId === undefined) throw new StoreError('unavailable', 'the store gave no upload id')
    return UploadId
  }

  /** While one part is sent the next one fills; none is on its way when this ends. */
  async #sendParts(
    UploadId: string,
    first: BodyPart,
    rest: AsyncIterable<CutPart>,
  ): Promise<{ parts: CompletedPart[]; sizeBytes: number }> {
    const stop = new AbortController()
    const parts: CompletedPart[] = []
    let sizeBytes = 0
    let sending: Promise<unknown> = Promise.resolve()
    const send = async (part: BodyPart) => {
      await sending
      const PartNumber = parts.length + 1
      if (PartNumber > MAX_PARTS) throw new StoreError('refused', 'the blob has too many parts for the store')
      sizeBytes += part.sizeBytes
      const checksum = this.#checksumOf(part)
      const input = { ...this.#target, ...checksum, UploadId, PartNumber }
      const commandOf = (body: PartInput) => new UploadPartCommand({ ...input, ...body })
      sending = sendPart(this.#connection, part, commandOf, stop.signal)
        .then((ETag) => parts.push({ PartNumber, ETag, ...checksum }))
        .finally(() => part[Symbol.asyncDispose]())
      // Met at the next await of it; until then it must not count as unhandled.
      sending.catch(() => {})
    }
    try {
      await send(first)
      for await (const { part } of rest) await send(part)
      await sending
    } catch (error) {
      stop.abort()
      await sending.catch(() => {})
      throw error
    }
    return { parts, sizeBytes }
  }

  /** Sent once: two at a time have destroyed data in stores (minio/minio#17858). */
  async #complete(UploadId: string, Parts: CompletedPart[], sizeBytes: number): Promise<void> {
    const command = new CompleteMultipartUploadCommand({
      ...this.#target,
      UploadId,
      MultipartUpload: { Parts },
    })
    const options = { timeoutMs: COMPLETE_MS, repeatable: false }
    try {
      await this.#connection.send('complete the blob', command, options)
    } catch (error) {
      for (const pause of isTransient(error) ? LOOK_PAUSES : [0]) {
        await delay(pause * this.#connection.answerMs)
        if ((await this.#look(sizeBytes)) === 'ours') return
      }
      throw error
    }
  }

  async #requireFree(): Promise<void> {
    if ((await this.#head()) !== undefined) throw takenError()
  }

  /** Whose the object is. Undefined if there is none, or the store does not tell. */
  async #look(sizeBytes: number): Promise<'ours' | 'foreign' | undefined> {
    const found = await this.#head().catch(() => undefined)
    if (found === undefined) return undefined
    return found.Metadata?.[STAMP] === this.#stamp && found.ContentLength === sizeBytes ? 'ours' : 'foreign'
  }

  #head() {
    return this.#connection.find('look for the blob', new HeadObjectCommand(this.#target))
  }

  #checksumOf(part: BodyPart): { ChecksumCRC32?: string } {
    return this.#writing.checksums ? { ChecksumCRC32: base64Crc32(part.crc32) } : {}
  }
}

function takenError(): StoreError {
  return new StoreError('refused', 'there is a blob of this key already')
}
