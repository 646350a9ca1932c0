import { Readable } from 'node:stream'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import { StoreError } from '../../core/errors.ts'
import type { ByteRange } from '../../core/ports/blob-store.ts'
import type { S3Connection, S3Object } from './connection.ts'
import { s3CodeOf, s3Error, statusOf } from './errors.ts'

/** Breaks in a row, without a byte in between, after which a stream is given up. */
const MAX_BREAKS = 3

interface Answer {
  readonly stream: Readable
  readonly etag: string | undefined
  readonly sizeBytes: number
}

/**
 * Reads an object or a range of it. A broken stream goes on where it broke, if the object is still the same; otherwise it
 * fails. A stream that ends normally is complete.
 * @throws StoreError `missing` if there is none, or it is too short for the range; `unavailable`
 */
export async function readObject(
  connection: S3Connection,
  object: S3Object,
  range?: ByteRange,
): Promise<Readable> {
  let answer = await request(connection, object, range)
  const { etag, sizeBytes } = answer
  const first = range?.first ?? 0
  if (range !== undefined && sizeBytes !== range.last - first + 1) {
    answer.stream.destroy()
    throw tooShort()
  }
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const last = first + sizeBytes - 1
    let position = first
    for (let breaks = 0; ; ) {
      let cause: unknown = new Error('the stream ended early')
      try {
        for await (const chunk of unlessSilent(answer.stream, connection.answerMs)) {
          position += chunk.byteLength
          breaks = 0
          if (position > last + 1) throw new StoreError('unavailable', 'the store sent too many bytes')
          yield chunk
        }
        if (position > last) return
      } catch (error) {
        if (error instanceof StoreError) throw error
        cause = error
      }
      answer.stream.destroy()
      if (++breaks > MAX_BREAKS) throw s3Error('read the blob', cause)
      answer = await request(connection, object, { first: position, last }, etag)
    }
  }
  // A generator that nobody has begun to read cannot clean up after itself.
  return Readable.from(chunks(), { objectMode: false }).once('close', () => answer.stream.destroy())
}

/** The chunks of a stream; time counts only while we wait for it. */
async function* unlessSilent(stream: Readable, silenceMs: number): AsyncGenerator<Uint8Array> {
  let timer: NodeJS.Timeout | undefined
  const watch = () => {
    timer = setTimeout(() => stream.destroy(new Error('the store went silent')), silenceMs)
  }
  try {
    watch()
    for await (const chunk of stream) {
      clearTimeout(timer)
      yield chunk
      watch()
    }
  } finally {
    clearTimeout(timer)
  }
}

async function request(
  connection: S3Connection,
  object: S3Object,
  range?: ByteRange,
  etag?: string,
): Promise<Answer> {
  const command = new GetObjectCommand({
    ...object,
    ...(range ? { Range: `bytes=${range.first}-${range.last}` } : {}),
    ...(etag ? { IfMatch: etag } : {}),
  })
  const answer = await connection.send('open the blob', command).catch((error: unknown) => {
    throw statusOf(error) === 416 || s3CodeOf(error) === 'InvalidRange' ? tooShort(error) : error
  })
  const stream = answer.Body as Readable
  // The reader gets the errors; until then they must not count as unhandled.
  stream.on('error', () => {})
  const isRight = (answer.ContentRange ?? 'bytes 0-').startsWith(`bytes ${range?.first ?? 0}-`)
  if (isRight && answer.ContentLength !== undefined)
    return { stream, etag: answer.ETag, sizeBytes: answer.ContentLength }
  stream.destroy()
  throw new StoreError(
    'unavailable',
    `the store ${isRight ? 'told no length' : 'answered with another range'}`,
  )
}

function tooShort(cause?: unknown): StoreError {
  return new StoreError('missing', 'the blob is too short for this range', cause)
}
