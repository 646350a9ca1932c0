import type { Readable } from 'node:stream'
import type { PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3'
import type { BodyPart } from './body-part.ts'
import type { S3Connection } from './connection.ts'

const MIN_BYTES_PER_MS = 512

/** The input of a command that stores a part. */
export interface PartInput {
  readonly Body: Uint8Array<ArrayBuffer> | Readable
  readonly ContentLength: number
}

/** Sends a sealed part; each attempt reads the same bytes again. @returns the ETag. @throws StoreError */
export async function sendPart(
  connection: S3Connection,
  part: BodyPart,
  commandOf: (input: PartInput) => PutObjectCommand | UploadPartCommand,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const sha256 = await part.sha256()
  const send = async ({ abortSignal }: { readonly abortSignal: AbortSignal }) => {
    const Body = await part.read()
    const command = commandOf({ Body, ContentLength: part.sizeBytes }) as PutObjectCommand
    signBy(sha256, command)
    if (Body instanceof Uint8Array) return connection.client.send(command, { abortSignal })
    return unlessBroken(Body, abortSignal, (signal) =>
      connection.client.send(command, { abortSignal: signal }),
    )
  }
  const timeoutMs = connection.answerMs + part.sizeBytes / MIN_BYTES_PER_MS
  return (await connection.call('store the blob', send, { timeoutMs, signal })).ETag
}

/** As S3 writes it. */
export function base64Crc32(crc32: number): string {
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32)
  return sum.toString('base64')
}

/** The store then refuses any other bytes. The SDK would hash on this thread, and cannot hash a stream. */
function signBy(sha256: string, command: PutObjectCommand): void {
  command.middlewareStack.add(
    (next) => (args) => {
      const { headers } = args.request as { headers: Record<string, string> }
      headers['x-amz-content-sha256'] = sha256
      return next(args)
    },
    { step: 'build', name: 'payloadHash' },
  )
}

/** Sends a stream, and fails with it: the SDK would go on waiting for its bytes. */
async function unlessBroken<T>(
  body: Readable,
  abortSignal: AbortSignal,
  send: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const failure = new AbortController()
  body.once('error', (error) => failure.abort(error))
  try {
    return await send(AbortSignal.any([abortSignal, failure.signal]))
  } catch (error) {
    throw failure.signal.aborted ? failure.signal.reason : error
  } finally {
    body.destroy()
  }
}
