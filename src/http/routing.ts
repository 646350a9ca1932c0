import type { IncomingMessage, RequestListener } from 'node:http'
import type { Socket } from 'node:net'
import { ServiceError } from '../core/errors.ts'

const { TLSSocket } = process.getBuiltinModule('node:tls')

/** The scheme, the authority and what follows it (RFC 3986, 3). */
const ABSOLUTE = /^(https?):\/\/([^/?#]+)(.*)$/i

/** `host[:port]` (RFC 9110, 7.2; RFC 3986, 3.2.2 and 3.2.3). */
const HOST = /^(?:\[[\da-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*)(?::(\d*))?$/i
const MAX_PORT = 65_535

/**
 * The path and query that a request asks for. An absolute target counts as its path if its scheme is that of the connection
 * and its authority the Host of the request (RFC 9110, 7.4; RFC 9112, 3.2.2); any other target that is no path is returned
 * as it came, for `unclearIn`.
 */
function targetOf({ url = '', headers, socket }: IncomingMessage): string {
  if (url.startsWith('/')) return url
  const [, scheme = '', authority = '', rest = ''] = ABSOLUTE.exec(url) ?? []
  if ((scheme.toLowerCase() === 'https') !== socket instanceof TLSSocket) return url
  if (authority === '' || normalized(authority, scheme) !== normalized(headers.host ?? '', scheme)) return url
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** Case and the scheme's own port make no difference (RFC 9110, 4.2.3). */
function normalized(authority: string, scheme: string): string {
  return authority.toLowerCase().replace(scheme.toLowerCase() === 'https' ? /:(443)?$/ : /:(80)?$/, '')
}

/** Which paths the router is to take for others. */
export interface RoutingRules {
  /** Whether a target whose path ends in a slash means the path without it. Undefined: never. Asked for such targets only. */
  readonly ignoresLastSlash?: (request: IncomingMessage, target: string) => boolean
  /** With a slash at its end. Below it nothing after the first segment is read, so its percent-encoding may be broken. */
  readonly nameless?: string
}

/**
 * The target that is looked up. Some clients percent-encode the colon of a custom verb (`files:getUrl`), which the router would
 * take for another path, as it does with a slash at the end; and it refuses what it cannot decode. Runs on every request.
 */
export function routedTarget(request: IncomingMessage, { ignoresLastSlash, nameless }: RoutingRules): string {
  const url = targetOf(request)
  const path = pathOf(url)
  const isSlashed = path.length > 1 && path.endsWith('/')
  if (!isSlashed && !path.includes('%')) return url
  if (nameless !== undefined && path.startsWith(nameless))
    return withoutEscapes(path, nameless.length) + url.slice(path.length)
  const known = path.replaceAll(/%3a/gi, ':')
  const query = url.slice(path.length)
  const routed = isSlashed && ignoresLastSlash?.(request, known + query) ? known.slice(0, -1) : known
  return routed + query
}

/** Keeps the segment that begins at `start`. The text after it stays one of the same length, empty or not. */
function withoutEscapes(path: string, start: number): string {
  const end = path.indexOf('/', start)
  return end < 0 ? path : path.slice(0, end) + path.slice(end).replaceAll('%', '_')
}

/** What stands before the query. */
export function pathOf(url: string): string {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}

/**
 * Why a request is refused that Node's parser takes: a proxy before us may read it differently (RFC 9112, 3.2, 6.1 and 6.3),
 * or we would have to understand something to answer it. The connection must end: where the next request begins may be
 * unclear, too. Runs on every request.
 * @returns `request-malformed`, `transfer-coding-unsupported`, `expectation-unsupported`; undefined if all is clear
 */
export function unclearIn({
  url = '',
  httpVersion,
  rawHeaders,
  headers,
}: IncomingMessage): ServiceError | undefined {
  const malformed = (message: string) => new ServiceError('request-malformed', message)
  const hosts = countHosts(rawHeaders)
  const isOld = httpVersion === '1.0'
  if (!isOld && httpVersion !== '1.1') return malformed('The versions known here are HTTP/1.1 and HTTP/1.0.')
  const coding = headers['transfer-encoding']
  if (hosts > 1 || (hosts === 0 && !isOld) || (isOld && coding !== undefined))
    return malformed('The request is ambiguous: one Host header, please.')
  if (hosts === 1 && !isHost(headers.host ?? ''))
    return malformed('The Host of the request must be a host, with or without a port.')
  if (!url.startsWith('/') || url.includes('#'))
    return malformed(
      'The target of the request must be a path without a fragment, or an address at its Host.',
    )
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked')
    return new ServiceError('transfer-coding-unsupported', 'The one Transfer-Encoding known here is chunked.')
  // HTTP/1.0 knows no expectations: they are ignored there (RFC 9110, 10.1.1).
  if (headers.expect !== undefined && !isOld && !isContinue(headers.expect))
    return new ServiceError('expectation-unsupported', 'The one expectation known here is 100-continue.')
  return undefined
}

/** Whether the headers announce a body; a chunked one may still turn out to be empty. */
export function hasBody({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** Whether Node's parser loses what came behind a request (`ignoreUpgrades`): the connection must end with its answer. */
export function losesNextRequest(request: IncomingMessage): boolean {
  return request.headers.upgrade !== undefined && hasBody(request)
}

function isHost(host: string): boolean {
  const match = HOST.exec(host)
  return match !== null && Number(match[1] ?? 0) <= MAX_PORT
}

function isContinue(expect: string): boolean {
  return expect.split(',').every((each) => each.trim().toLowerCase() === '100-continue')
}

/** `rawHeaders` are names and values in turn. */
function countHosts(rawHeaders: readonly string[]): number {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.toLowerCase() === 'host') hosts += 1
  return hosts
}

/** A waiting request counts once per started unit of its head. */
const HEAD_UNIT_BYTES = 16 * 1024

/** Bounds of requests that a client sends before it has the answers to earlier ones (pipelining; RFC 9112, 9.3.2). */
export interface TurnLimits {
  /** With so many waiting, the connection is not read until none waits. What was read already is still parsed. */
  readonly waitingPerConnection: number
  /** On all connections together. Beyond it, a connection that is full ends when it adds another request. */
  readonly waitingInAll: number
}

/** The requests that wait on one connection. */
interface Line {
  waiting: number
  isPaused: boolean
}

/**
 * Answers the requests of each connection one at a time: the next is routed after the system has the previous answer. Until
 * then it holds only its headers. A request that comes alone passes at once, at no cost.
 */
export function inTurn(
  answer: RequestListener,
  { waitingPerConnection, waitingInAll }: TurnLimits,
): RequestListener {
  const lines = new WeakMap<Socket, Line>()
  let waitingNow = 0
  const count = (line: Line, weight: number) => {
    line.waiting += weight
    waitingNow += weight
  }
  const open = (socket: Socket): Line => {
    const line: Line = { waiting: 0, isPaused: false }
    lines.set(socket, line)
    // Node resumes a socket when a message ends or its body is read. The bodies in front of a waiting request have arrived,
    // so pausing again blocks nobody.
    socket.on('resume', () => void (line.isPaused && socket.pause()))
    socket.once('close', () => count(line, -line.waiting))
    return line
  }
  return (request, response) => {
    // Node gives a response its socket after all earlier answers.
    if (response.socket !== null) return answer(request, response)
    const { socket } = request
    if (socket.destroyed) return
    const line = lines.get(socket) ?? open(socket)
    const weight = weightOf(request)
    count(line, weight)
    if (line.waiting >= waitingPerConnection && waitingNow > waitingInAll) socket.destroy()
    else if (line.waiting >= waitingPerConnection && !line.isPaused) {
      line.isPaused = true
      socket.pause()
    }
    response.once('socket', () => {
      count(line, -weight)
      if (line.waiting <= 0 && line.isPaused) {
        line.isPaused = false
        socket.resume()
      }
      // Node is about to flush this response, which must still be empty then.
      process.nextTick(() => response.destroyed || answer(request, response))
    })
  }
}

/** What a request counts towards the bounds, by the size of its head. */
function weightOf({ url = '', rawHeaders }: IncomingMessage): number {
  const headBytes = rawHeaders.reduce((bytes, { length }) => bytes + length, url.length)
  return Math.ceil(headBytes / HEAD_UNIT_BYTES)
}
