import { Readable } from 'node:stream'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import { StoreError } from '../../core/errors.ts'
import type { ByteRange } from '../../core/ports/blob-store.ts'
import type { S3Connection } from './connection.ts'
import { onS3, s3CodeOf, s3Error, statusOf } from './errors.ts'

/** Breaks in a row, without a byte in between, after which a stream is given up. */
const MAX_BREAKS = 3

interface Answer {
  readonly stream: Readable
  readonly etag: string | undefined
  readonly sizeBytes: number
}

/**
 * Reads an object or a range of it. A broken stream goes on where it broke, if the object is still the same; otherwise it
 * fails: what ends normally is all of it.
 * @throws StoreError `missing` if there is none, or it is too short for the range; `unavailable`
 */
export async function readObject(
  connection: S3Connection,
  name: string,
  range: ByteRange | undefined,
): Promise<Readable> {
  const answer = await onS3('open the blob', request(connection, name, range, undefined))
  if (range !== undefined && answer.sizeBytes !== range.last - range.first + 1) {
    answer.stream.destroy()
    throw new StoreError('missing', 'the blob is too short for this range')
  }
  const first = range?.first ?? 0
  const current = { answer }
  const wanted = { first, last: first + answer.sizeBytes - 1 }
  const readable = Readable.from(chunksOf(connection, name, wanted, current), { objectMode: false })
  // A generator that nobody has begun to read cannot clean up after itself.
  return readable.once('close', () => current.answer.stream.destroy())
}

async function* chunksOf(
  connection: S3Connection,
  name: string,
  { first, last }: ByteRange,
  current: { answer: Answer },
): AsyncGenerator<Uint8Array> {
  const { etag } = current.answer
  let position = first
  for (let breaks = 0; ; ) {
    let cause: unknown
    try {
      for await (const chunk of unlessSilent(current.answer.stream, connection.answerMs)) {
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
    current.answer.stream.destroy()
    if (++breaks > MAX_BREAKS) throw s3Error('read the blob', cause ?? new Error('the stream ended early'))
    current.answer = await onS3('read on', request(connection, name, { first: position, last }, etag))
  }
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
  name: string,
  range: ByteRange | undefined,
  etag: string | undefined,
): Promise<Answer> {
  const command = new GetObjectCommand({
    Bucket: connection.location.bucket,
    Key: name,
    ...(range ? { Range: `bytes=${range.first}-${range.last}` } : {}),
    ...(etag ? { IfMatch: etag } : {}),
  })
  try {
    const answer = await connection.call((http) => connection.client.send(command, http))
    const stream = answer.Body as Readable
    // Errors are met by whoever reads; until then they must not count as unhandled.
    stream.on('error', () => {})
    if (!(answer.ContentRange ?? 'bytes 0-').startsWith(`bytes ${range?.first ?? 0}-`)) {
      stream.destroy()
      throw new StoreError('unavailable', 'the store answered with another range')
    }
    if (answer.ContentLength === undefined) throw new StoreError('unavailable', 'the store told no length')
    return { stream, etag: answer.ETag, sizeBytes: answer.ContentLength }
  } catch (error) {
    if (statusOf(error) === 416 || s3CodeOf(error) === 'InvalidRange')
      throw new StoreError('missing', 'the blob is too short for this range', error)
    throw error
  }
}
