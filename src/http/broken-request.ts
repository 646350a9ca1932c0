import { randomUUID } from 'node:crypto'
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { ServiceError } from '../core/errors.ts'
import { plainErrorBody } from './error-answer.ts'
import { type HttpSocket, whenAnswered } from './when-answered.ts'

/** What Node's parser reports that is not simply malformed (nodejs.org, "Errors"; llhttp's names begin with HPE). */
const parserErrors: Readonly<Record<string, readonly [status: number, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'The headers of the request are too large.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The extensions of a chunk are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive.'],
}

/** Connections whose end is decided: whatever else they bring is ignored. */
const ending = new WeakSet<Socket>()

/**
 * Answers bytes that never became a request, in our own form since nobody can tell whose they are, and ends the
 * connection: where the next request would begin is unknown. Requests in front of them are answered first.
 */
export function answerBrokenRequest(error: BrokenRequest, socket: ParsedSocket): void {
  if (ending.has(socket)) return
  if (error.code === 'ECONNRESET') socket.destroy()
  // What came before it ends the connection by its answer (RFC 9112, 9.6).
  else if (error.code === 'HPE_CLOSED_CONNECTION' || !socket.writable) endOnceWritten(socket)
  else if (socket.parser?.incoming?.complete === false) refuseBody(error, socket, socket.parser.incoming)
  else refuseInTurn(error, socket)
}

/** Answers CONNECT: this is no proxy. Without a listener for it Node closes the connection without a word. */
export function refuseTunnel(socket: HttpSocket): void {
  socket.on('error', () => undefined)
  refuseInTurn(new Error('CONNECT'), socket)
}

type BrokenRequest = Error & { readonly code?: string }

/** With the request that Node's parser saw last (`lib/_http_common.js`). */
type ParsedSocket = HttpSocket & { readonly parser?: { readonly incoming?: IncomingMessage | null } | null }

function endOnceWritten(socket: HttpSocket): void {
  if (!socket._httpMessage && socket.writableLength === 0) socket.destroy()
}

/** Refuses in place of the answer to a request whose body is broken, unless that is begun: two must not be mixed. */
function refuseBody(error: BrokenRequest, socket: HttpSocket, broken: IncomingMessage): void {
  ending.add(socket)
  const answer = socket._httpMessage
  if (answer && answer.req !== broken) answer.once('finish', () => refuseBody(error, socket, broken))
  else if (answer?.headersSent) socket.destroy()
  else if (socket.writable) refuse(error, socket)
}

function refuseInTurn(error: BrokenRequest, socket: HttpSocket): void {
  ending.add(socket)
  whenAnswered(socket, () => refuse(error, socket))
}

function refuse({ code = '' }: BrokenRequest, socket: Socket): void {
  const [status, message] = parserErrors[code] ?? [400, 'The request is malformed.']
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
