import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { HEADS_CROWDED } from './broken-request.ts'
import type { HttpSocket } from './when-answered.ts'

/** How many idle connections make room when somebody needs it: for one retry and whoever comes in between. */
const ROOM_CONNECTIONS = 32
/** To look for them takes milliseconds among thousands, and a crowd can ask for it thousands of times a second. */
const ROOM_PAUSE_MS = 100

/** Bounds of the head of a request, its line and headers together, in bytes. Node keeps what has come of it in memory. */
export interface HeadLimits {
  readonly maxBytes: number
  /** Of connections that come while `roomyConnections` may have larger heads: thousands must not hold 64 KiB each. */
  readonly crowdedBytes: number
  readonly roomyConnections: number
}

/**
 * A head that is too large gets 431. On a connection that came in a crowd it gets 503, and the oldest idle connections end, so
 * that a retry, on a new connection, may have `maxBytes`. Node's parser keeps the bound that it began with, therefore it has
 * to hold also for connections that are idle: all of them could send a head at once. A request pays nothing for it.
 */
export function boundHeads(server: Server, { maxBytes, crowdedBytes, roomyConnections }: HeadLimits): void {
  /** In the order in which they came. */
  const roomy = new Set<Socket>()
  const crowded = new WeakSet<Socket>()
  let nextRoomAt = 0
  // In front of Node's own listener, which gives the bound to the parser of the connection (`maxHeaderSize` in its sources).
  server.prependListener(
    server instanceof TlsServer ? 'secureConnection' : 'connection',
    (socket: Socket) => {
      const isRoomy = roomy.size < roomyConnections
      Object.assign(server, { maxHeaderSize: isRoomy ? maxBytes : crowdedBytes })
      if (!isRoomy) return crowded.add(socket)
      roomy.add(socket)
      socket.once('close', () => roomy.delete(socket))
    },
  )
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
  const outside = socketsOutsideMessages(server)
  const idle = [...connections].filter((socket) => outside.has(socket) && !socket._httpMessage)
  for (const socket of idle.slice(0, ROOM_CONNECTIONS)) socket.destroy()
}

/** Node's own list of parsers, which tells idle connections from those with half a head (`kConnections` in lib/_http_server.js). */
interface Connections {
  idle(): readonly { readonly socket?: Socket | null }[]
}

function socketsOutsideMessages(server: Server): ReadonlySet<Socket | null | undefined> {
  const key = Object.getOwnPropertySymbols(server).find(
    ({ description }) => description === 'http.server.connections',
  )
  const connections: Connections | undefined = key && Reflect.get(server, key)
  return new Set(connections?.idle().map(({ socket }) => socket))
}
