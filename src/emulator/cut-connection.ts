import type { IncomingMessage, ServerResponse } from 'node:http'

/** How long a handler has to read what came before a cut. */
const READ_TRIES = 200
const READ_PAUSE_MS = 5

/** Ends the connection in place of the answer, once the work is done. */
export function loseAnswer(response: ServerResponse): void {
  const { writeHead } = response
  response.writeHead = ((...args: Parameters<typeof writeHead>) => {
    response.socket?.destroy()
    return writeHead.apply(response, args)
  }) as typeof writeHead
}

/** Ends the connection once so many bytes of the body were sent, if there are more. */
export function cutAnswer(response: ServerResponse, bytes: number): void {
  let left = bytes
  const { write, end } = response
  const asIs = (method: unknown, args: readonly unknown[]) =>
    Reflect.apply(method as typeof write, response, args)
  const cut = (chunk: Buffer) => {
    response.flushHeaders()
    if (left > 0) asIs(write, [chunk.subarray(0, left)])
    left = 0
    // What was written is sent before.
    response.socket?.destroySoon()
  }
  const passing =
    (method: unknown, cutting: unknown) =>
    (...args: readonly unknown[]) => {
      const chunk = bytesOf(args)
      if (chunk.byteLength <= left) {
        left -= chunk.byteLength
        return asIs(method, args)
      }
      cut(chunk)
      return cutting
    }
  response.write = passing(write, false) as typeof write
  response.end = passing(end, response) as typeof end
}

function bytesOf([chunk, encoding]: readonly unknown[]): Buffer {
  if (typeof chunk === 'string')
    return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
  return chunk instanceof Uint8Array
    ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    : Buffer.alloc(0)
}

/**
 * Ends the connection once so many bytes of the body have come and were read, if there are more. Call it before the first
 * byte was read.
 */
export function cutRequest(request: IncomingMessage, bytes: number): void {
  // A pipelined request may have waited with a body.
  let left = bytes - request.readableLength
  const { push } = request
  request.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (left < 0) return false
    if (!(chunk instanceof Uint8Array) || chunk.byteLength <= left) {
      if (chunk instanceof Uint8Array) left -= chunk.byteLength
      return push.call(request, chunk, encoding)
    }
    if (left > 0) push.call(request, chunk.subarray(0, left))
    left = -1
    destroyOnceRead(request)
    return false
  }
  if (left < 0) request.socket.destroy()
}

function destroyOnceRead(request: IncomingMessage): void {
  let tries = 0
  const look = () => {
    if (request.readableLength === 0 || request.destroyed || ++tries > READ_TRIES) request.socket.destroy()
    else setTimeout(look, READ_PAUSE_MS)
  }
  setImmediate(look)
}
