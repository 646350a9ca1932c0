import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ServiceError } from '../core/errors.ts'
import { divertConnections } from '../net/first-bytes.ts'
import { refuseHttp1 } from '../net/refuse-http.ts'
import type { Addressed } from './addressee.ts'
import { type ErrorAnswer, JSON_TYPE, writeErrorAnswer } from './errors.ts'

const { STATUS_CODES } = process.getBuiltinModule('node:http')

/** The code of a head that is too large for a connection accepted in a crowd (`connections.ts`). */
export const HEADS_CROWDED = 'HEADS_CROWDED'
const CROWDED_RETRY_SECONDS = 1

/** How errors are told. */
export interface BrokenRequestAnswers {
  /** For the message. */
  readonly maxHeadBytes: number
  /** In the form of the dialect that the path belongs to. */
  readonly toErrorAnswer: (error: ServiceError, request: Addressed, requestId: string) => ErrorAnswer
}

/** A socket with the response that Node is sending on it (`lib/_http_server.js`). */
export type HttpSocket = Socket & { readonly _httpMessage?: ServerResponse | null }

/** Runs a task after all requests so far are answered; never, if one of these answers ends the connection. */
export function whenAnswered(socket: HttpSocket, task: () => void): void {
  const answer = socket._httpMessage
  // Node's own listener came first: by then the socket has the next answer.
  if (answer) answer.once('finish', () => whenAnswered(socket, task))
  else if (socket.writable) task()
}

/** Connections that are about to end. Errors on them are ignored. */
const ending = new WeakSet<Socket>()

/**
 * Answers bytes that Node's parser rejects, after the requests in front of them, and ends the connection, because nobody
 * knows where the next request begins.
 */
export function answerBrokenRequests(
  answers: BrokenRequestAnswers,
): (error: BrokenRequest, socket: ParsedSocket) => void {
  return (error, socket) => {
    if (ending.has(socket)) return
    const incoming = socket.parser?.incoming
    if (error.code === 'ECONNRESET') socket.destroy()
    // The answer to an earlier request ends the connection (RFC 9112, 9.6).
    else if (error.code === 'HPE_CLOSED_CONNECTION' || !socket.writable) endOnceWritten(socket)
    else if (incoming?.complete === false) refuseBody(answerTo(error, incoming, answers), socket, incoming)
    else refuseInTurn(answerTo(error, addressIn(error, socket), answers), socket)
  }
}

/** Answers CONNECT: this is no proxy. Without a listener for it Node closes the connection without a word. */
export function refuseTunnel(answers: BrokenRequestAnswers, request: IncomingMessage): void {
  const { socket } = request
  socket.on('error', () => undefined)
  refuseInTurn(answerTo(new Error('CONNECT'), request, answers), socket)
}

const SPEAKS_TLS = 'This port speaks TLS: the URL has to begin with https://, not http://.'

/** Answers plain HTTP on a TLS port, where the connection would otherwise end without a word. */
export function answerPlaintext(
  server: Server,
  waitMs: number,
  { toErrorAnswer }: BrokenRequestAnswers,
): void {
  const http1 = refuseHttp1((request, response) => {
    const requestId = randomUUID()
    response.setHeader('x-request-id', requestId)
    const error = new ServiceError('tls-required', SPEAKS_TLS)
    writeErrorAnswer(response, toErrorAnswer(error, request, requestId))
  })
  divertConnections(server, waitMs, { http1 })
}

/** An error with the bytes that Node's parser was reading (nodejs.org, "Event: 'clientError'"). */
type BrokenRequest = Error & {
  readonly code?: string
  readonly rawPacket?: unknown
  readonly bytesParsed?: number
}

/**
 * What Node's parser has told (`lib/_http_common.js`): the request that it saw last, and of a long head that is still
 * coming its target and headers so far, names and values in turn.
 */
interface Parser {
  readonly incoming?: IncomingMessage | null
  readonly _url?: string
  readonly _headers?: readonly string[]
}

type ParsedSocket = HttpSocket & { readonly parser?: Parser | null }

function endOnceWritten(socket: HttpSocket): void {
  if (!socket._httpMessage && socket.writableLength === 0) socket.destroy()
}

/** Sends the refusal in place of the answer to a request whose body is broken. If that answer has begun, ends the connection. */
function refuseBody(refusal: ErrorAnswer, socket: HttpSocket, broken: IncomingMessage): void {
  ending.add(socket)
  const answer = socket._httpMessage
  if (answer && answer.req !== broken) answer.once('finish', () => refuseBody(refusal, socket, broken))
  else if (answer?.headersSent) socket.destroy()
  else if (socket.writable) refuse(refusal, socket)
}

function refuseInTurn(refusal: ErrorAnswer, socket: HttpSocket): void {
  ending.add(socket)
  whenAnswered(socket, () => refuse(refusal, socket))
}

/** The status is ours, because no dialect has one for these errors. Headers and body are the dialect's. */
function answerTo(
  { code = '' }: BrokenRequest,
  request: Addressed,
  { maxHeadBytes, toErrorAnswer }: BrokenRequestAnswers,
): ErrorAnswer {
  const requestId = randomUUID()
  const [status, error] = refusalOf(code, maxHeadBytes)
  const answer = toErrorAnswer(error, request, requestId)
  return { ...answer, status, headers: { ...answer.headers, 'x-request-id': requestId } }
}

/** By what Node's parser reports (nodejs.org, "Errors"; llhttp's names begin with HPE). */
function refusalOf(code: string, maxHeadBytes: number): readonly [status: number, error: ServiceError] {
  if (code === HEADS_CROWDED) {
    const message =
      'So many connections are open that headers this large have no room on this one. A new connection may have it.'
    const details = { retryAfterSeconds: CROWDED_RETRY_SECONDS }
    return [503, new ServiceError('storage-unavailable', message, details)]
  }
  const refusals: Readonly<Record<string, readonly [number, string]>> = {
    HPE_HEADER_OVERFLOW: [
      431,
      `The request line and the headers may have ${maxHeadBytes} bytes together, in fewer than 1,000 headers.`,
    ],
    HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The extensions of a chunk are too large.'],
    ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive.'],
  }
  const [status, message] = refusals[code] ?? [400, 'The request is malformed.']
  return [status, new ServiceError('request-malformed', message)]
}

/** A request line (RFC 9112, 3), whatever its method. */
const REQUEST_LINE = /^(\S+) (\/\S*) HTTP\/\d\.\d\r?$/gm

/**
 * What the last request line before the parser stopped and the headers behind it tell. A line that came in an earlier packet
 * is known only if the parser has told it.
 */
function addressIn({ rawPacket, bytesParsed = 0 }: BrokenRequest, { parser }: ParsedSocket): Addressed {
  const { _url: url, _headers: told = [] } = parser ?? {}
  const packet = Buffer.isBuffer(rawPacket) ? rawPacket : Buffer.alloc(0)
  const end = packet.indexOf('\n', bytesParsed)
  const text = packet.toString('latin1', 0, end < 0 ? packet.length : end)
  const line = [...text.matchAll(REQUEST_LINE)].at(-1)
  const headers: Record<string, string> = {}
  for (let at = 0; at + 1 < told.length; at += 2) headers[`${told[at]?.toLowerCase()}`] = `${told[at + 1]}`
  for (const header of text.slice(line === undefined ? 0 : line.index + line[0].length).split('\n')) {
    const colon = header.indexOf(':')
    if (colon > 0) headers[header.slice(0, colon).toLowerCase()] = header.slice(colon + 1).trim()
  }
  const [, method, target = url] = line ?? []
  return { ...(method ? { method } : {}), ...(target ? { url: target } : {}), headers }
}

function refuse({ status, headers, body, type = JSON_TYPE }: ErrorAnswer, socket: Socket): void {
  const text = JSON.stringify(body)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `content-type: ${type}`,
    `content-length: ${Buffer.byteLength(text)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`, () => socket.destroy())
}
