import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { ServiceError } from '../core/errors.ts'
import { plainErrorBody } from './error-answer.ts'

/** What Node's parser reports that is not simply malformed (nodejs.org, "Errors"; llhttp's names begin with HPE). */
const parserErrors: Readonly<Record<string, readonly [status: number, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'The headers of the request are too large.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The extensions of a chunk are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive.'],
}

/**
 * Answers bytes that never became a request, in our own form since nobody can tell whose they are, and ends the
 * connection: where the next request would begin is unknown.
 */
export function answerBrokenRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswering(socket)) {
    socket.destroy()
    return
  }
  const [status, message] = parserErrors[error.code ?? ''] ?? [400, 'The request is malformed.']
  const body = JSON.stringify(plainErrorBody(status, new ServiceError('request-malformed', message)))
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${randomUUID()}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

/** Answers CONNECT: this is no proxy. Without a listener for it Node closes the connection without a word. */
export function refuseTunnel(socket: HttpSocket): void {
  socket.on('error', () => undefined)
  // Node hands the connection over even if earlier requests have no answer yet; this one must not be taken for theirs.
  if (socket._httpMessage) socket.destroy()
  else answerBrokenRequest(new Error('CONNECT'), socket)
}

/** With the answer that it is sending (`lib/_http_server.js`). */
type HttpSocket = Socket & { readonly _httpMessage?: { readonly headersSent: boolean } | null }

/** Whether part of an answer to an earlier request is out: a second one must not appear in its midst. */
function isAnswering(socket: HttpSocket): boolean {
  return socket._httpMessage?.headersSent ?? false
}
