import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ServiceError } from '../core/errors.ts'

/**
 * Runs work that goes on after its request has come. The signal fires when the caller closes its connection, be it the sending half
 * alone: a client that closes both halves looks no different until it is written to. The work then fails with the reason, whatever
 * it fails with.
 */
export async function whileCallerStays<T>(
  { raw: { socket } }: FastifyRequest,
  { raw: response }: FastifyReply,
  reason: ServiceError,
  work: (gone: AbortSignal) => Promise<T>,
): Promise<T> {
  const gone = new AbortController()
  const leave = () => gone.abort(reason)
  response.once('close', leave)
  socket.once('end', leave)
  if (socket.readableEnded || socket.destroyed) leave()
  try {
    return await work(gone.signal)
  } catch (error) {
    gone.signal.throwIfAborted()
    throw error
  } finally {
    // The connection may have more requests to come.
    socket.off('end', leave)
  }
}
