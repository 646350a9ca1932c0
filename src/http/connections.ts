import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { HEADS_CROWDED, type HttpSocket, whenAnswered } from './broken-request.ts'
import { hasBody } from './routing.ts'

const { Server: TlsServer } = process.getBuiltinModule('node:tls')

/** How many idle connections end to make room for one retry, and for others that connect before it. */
const ROOM_CONNECTIONS = 32
/** Finding them among thousands takes milliseconds, and a crowd can ask for it thousands of times a second. */
const ROOM_PAUSE_MS = 100

/** Bounds of a request's line and headers together, in bytes. Node keeps in memory what has arrived of them. */
export interface HeadLimits {
  readonly maxBytes: number
  /** For connections accepted while `roomyConnections` already may have larger heads: thousands must not hold 64 KiB each. */
  readonly crowdedBytes: number
  readonly roomyConnections: number
}

/** The event whose first listener is Node's own, which gives a connection its parser. */
function connectionEvent(server: Server): string {
  return server instanceof TlsServer ? 'secureConnection' : 'connection'
}

/**
 * Ignores `Upgrade`, as a server may (RFC 9110, 7.8). Node's parser stops after a request that has it, and drops the rest
 * of the same read. So once earlier requests are answered, the connection is parsed again from this request, without the
 * header. A body cannot be read twice; `losesNextRequest` names these requests.
 */
export function ignoreUpgrades(server: Server): void {
  Object.assign(server, { shouldUpgradeCallback: (request: IncomingMessage) => !hasBody(request) })
  const [parse] = server.listeners(connectionEvent(server))
  server.on('upgrade', (request: IncomingMessage, socket: Socket, rest: Buffer) => {
    const ignore = () => undefined
    socket.on('error', ignore)
    whenAnswered(socket, () => {
      socket.off('error', ignore)
      // Node's timeout of an idle connection, which the new parser does not know.
      socket.setTimeout(0)
      socket.unshift(Buffer.concat([headWithoutUpgrade(request), rest]))
      parse?.call(server, socket)
      socket.resume()
    })
  })
}

function headWithoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]?.toLowerCase() !== 'upgrade') lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

/**
 * A head that is too large gets 431. In a crowd it gets 503 and the oldest idle connections end, so that a retry on a new
 * connection may use `maxBytes`. Node's parser keeps the bound it began with, so idle connections count too: all of them
 * could send a head at once. A request pays nothing for it.
 */
export function boundHeads(server: Server, { maxBytes, crowdedBytes, roomyConnections }: HeadLimits): void {
  /** Oldest first. */
  const roomy = new Set<Socket>()
  const crowded = new WeakSet<Socket>()
  let nextRoomAt = 0
  // In front of Node's own listener, which gives the bound to the parser of the connection (`maxHeaderSize` in its sources).
  server.prependListener(connectionEvent(server), (socket: Socket) => {
    const isRoomy = roomy.size < roomyConnections
    Object.assign(server, { maxHeaderSize: isRoomy ? maxBytes : crowdedBytes })
    if (!isRoomy) return crowded.add(socket)
    roomy.add(socket)
    socket.once('close', () => roomy.delete(socket))
  })
  server.prependListener('clientError', (error: Error & { code?: string }, socket: Socket) => {
    if (error.code !== 'HPE_HEADER_OVERFLOW' || !crowded.has(socket)) return
    error.code = HEADS_CROWDED
    if (roomy.size < roomyConnections || performance.now() < nextRoomAt) return
    nextRoomAt = performance.now() + ROOM_PAUSE_MS
    endOldestIdle(server, roomy)
  })
}

/** As any server may at any time (RFC 9112, 9.5), and Node's `closeIdleConnections` does with all of them. */
function endOldestIdle(server: Server, connections: ReadonlySet<HttpSocket>): void {
  // Node's own list of parsers, which tells idle connections from those with half a head (lib/_http_server.js).
  const key = Object.getOwnPropertySymbols(server).find(
    ({ description }) => description === 'http.server.connections',
  )
  const parsers: { idle(): readonly { readonly socket?: Socket | null }[] } | undefined =
    key && Reflect.get(server, key)
  const idle = new Set(parsers?.idle().map(({ socket }) => socket))
  const ending = [...connections].filter((socket) => idle.has(socket) && !socket._httpMessage)
  for (const socket of ending.slice(0, ROOM_CONNECTIONS)) socket.destroy()
}
