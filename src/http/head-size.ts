import type { Server } from 'node:http'
import { Server as TlsServer } from 'node:tls'

/** Bounds of the head of a request, its line and headers together, in bytes. Node keeps what has come of it in memory. */
export interface HeadLimits {
  readonly maxBytes: number
  /** Of connections that come while `roomyConnections` are open: thousands of them must not hold large heads. */
  readonly crowdedBytes: number
  readonly roomyConnections: number
}

/** A larger head gets 431. Each connection keeps the bound that it had when it came; a request pays nothing for it. */
export function boundHeads(server: Server, { maxBytes, crowdedBytes, roomyConnections }: HeadLimits): void {
  let open = 0
  // In front of Node's own listener, which gives the bound to the parser of the connection (`maxHeaderSize` in its sources).
  server.prependListener(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket) => {
    Object.assign(server, { maxHeaderSize: open < roomyConnections ? maxBytes : crowdedBytes })
    open++
    socket.once('close', () => open--)
  })
}
