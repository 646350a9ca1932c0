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

/** The metadata that names the attempt: it tells our object from another's, whatever checksums the store knows. */
const STAMP = 'entrepot-put'

/** How bodies are written to one bucket. */
export interface S3Writing extends Pick<S3Abilities, 'conditionalWrites' | 'checksums'> {
  readonly connection: S3Connection
  readonly room: PartRoom
}

/**
 * Stores a body as one object, whole or not at all, in bounded memory: two parts at most, within the room for all. A
 * failure leaves another's object as it was; what it leaves of ours goes when the key is collected.
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
  // Parts grow where 10,000 of the usual size would not do; a body of unknown size has to fit into those.
  const maxBytes = Math.max(PART_BYTES, Math.ceil((atMost ?? 0) / MAX_PARTS / MEBIBYTE) * MEBIBYTE)
  const options = { organizationId, maxBytes, expectedBytes: atMost ?? maxBytes }
  await using begun = new AsyncDisposableStack()
  const parts = cut(body, maxBytes, () => begun.use(new BodyPart(writing.room, options)))
  const attempt = { ...writing, target, stamp: randomUUID() }
  try {
    const { value: first } = await parts.next()
    return first.isLast ? await putWhole(attempt, first.part) : await putParts(attempt, first.part, parts)
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

/** One write of one object. A retry sends the same bytes, so it does not matter which attempt arrives, or how many. */
interface Attempt extends S3Writing {
  readonly target: S3Object
  readonly stamp: string
}

async function putWhole(attempt: Attempt, part: BodyPart): Promise<number> {
  const { connection, conditionalWrites, target, stamp } = attempt
  if (!conditionalWrites) await requireFree(attempt)
  const input = {
    ...target,
    ...checksumOf(attempt, part),
    ...(conditionalWrites ? { IfNoneMatch: '*' } : {}),
    Metadata: { [STAMP]: stamp },
  }
  try {
    await sendPart(connection, part, (body) => new PutObjectCommand({ ...input, ...body }))
  } catch (error) {
    // Even a "there is one already" may mean an earlier attempt of ours.
    const found = await look(attempt, part.sizeBytes)
    if (found === 'foreign') throw takenError()
    if (found !== 'ours') throw error
  }
  return part.sizeBytes
}

async function putParts(attempt: Attempt, first: BodyPart, rest: AsyncIterable<CutPart>): Promise<number> {
  await requireFree(attempt)
  const UploadId = await beginUpload(attempt)
  try {
    const { parts, sizeBytes } = await sendParts(attempt, UploadId, first, rest)
    await complete(attempt, UploadId, parts, sizeBytes)
    return sizeBytes
  } catch (error) {
    // If this fails, the upload is found when the key is collected.
    const abort = new AbortMultipartUploadCommand({ ...attempt.target, UploadId })
    await attempt.connection.send('abort an upload', abort).catch(() => {})
    throw error
  }
}

async function beginUpload({ connection, checksums, target, stamp }: Attempt): Promise<string> {
  const command = new CreateMultipartUploadCommand({
    ...target,
    ...(checksums ? { ChecksumAlgorithm: 'CRC32' } : {}),
    Metadata: { [STAMP]: stamp },
  })
  // A second one would be open for ever, unknown to us.
  const { UploadId } = await connection.send('begin to store the blob', command, { repeatable: false })
  if (UploadId === undefined) throw new StoreError('unavailable', 'the store gave no upload id')
  return UploadId
}

/** While one part is sent the next one fills; none is on its way when this ends. */
async function sendParts(
  attempt: Attempt,
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
    const checksum = checksumOf(attempt, part)
    const input = { ...attempt.target, ...checksum, UploadId, PartNumber }
    const commandOf = (body: PartInput) => new UploadPartCommand({ ...input, ...body })
    sending = sendPart(attempt.connection, part, commandOf, stop.signal)
      .then((ETag) => parts.push({ PartNumber, ETag, ...checksum }))
      .finally(() => part[Symbol.asyncDispose]())
    // The next await of it throws its failure; until then it must not count as unhandled.
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
async function complete(attempt: Attempt, UploadId: string, Parts: CompletedPart[], sizeBytes: number) {
  const { connection, target } = attempt
  const command = new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } })
  const options = { timeoutMs: COMPLETE_MS, repeatable: false }
  try {
    await connection.send('complete the blob', command, options)
  } catch (error) {
    for (const pause of isTransient(error) ? LOOK_PAUSES : [0]) {
      await delay(pause * connection.answerMs)
      if ((await look(attempt, sizeBytes)) === 'ours') return
    }
    throw error
  }
}

async function requireFree(attempt: Attempt): Promise<void> {
  if ((await head(attempt)) !== undefined) throw takenError()
}

/** Whose the object is. Undefined if there is none, or the store does not tell. */
async function look(attempt: Attempt, sizeBytes: number): Promise<'ours' | 'foreign' | undefined> {
  const found = await head(attempt).catch(() => undefined)
  if (found === undefined) return undefined
  return found.Metadata?.[STAMP] === attempt.stamp && found.ContentLength === sizeBytes ? 'ours' : 'foreign'
}

function head({ connection, target }: Attempt) {
  return connection.find('look for the blob', new HeadObjectCommand(target))
}

function checksumOf({ checksums }: Attempt, part: BodyPart): { ChecksumCRC32?: string } {
  return checksums ? { ChecksumCRC32: base64Crc32(part.crc32) } : {}
}

function takenError(): StoreError {
  return new StoreError('refused', 'there is a blob of this key already')
}
