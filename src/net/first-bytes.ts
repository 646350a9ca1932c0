import type { Server, Socket } from 'node:net'

/** What a connection begins with. */
export type Spoken = 'tls' | 'http1' | 'http2' | 'unknown'

/** The type of a TLS record that carries a handshake (RFC 8446, 5.1). */
const TLS_HANDSHAKE = 0x16
/** How every HTTP/2 client begins (RFC 9113, 3.4). */
const HTTP2_PREFACE = 'PRI '
/** A method of HTTP/1.1 in full, or its beginning where the first packet was short (RFC 9112, 3.1). */
const HTTP1_METHOD = /^[A-Z]{1,16}(?: |$)/

/**
 * Looks at the first bytes of each connection before the server does, and hands those that speak one of the `others` to them
 * instead. To be called before anything but the server itself listens for connections.
 * @param waitMs how long a connection may say nothing
 */
export function divertConnections(
  server: Server,
  waitMs: number,
  others: Partial<Readonly<Record<Spoken, (socket: Socket) => void>>>,
): void {
  const own = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    withFirstBytes(socket, waitMs, (bytes) => {
      const other = others[spokenIn(bytes)]
      if (other) return other(socket)
      for (const listen of own) listen.call(server, socket)
    })
  })
}

/** Calls `use` with bytes that whoever reads the connection next reads again; never if none come in time. */
function withFirstBytes(socket: Socket, waitMs: number, use: (bytes: Buffer) => void): void {
  const end = () => socket.destroy()
  socket.setTimeout(waitMs, end)
  socket.on('error', end)
  socket.once('readable', () => {
    socket.setTimeout(0, end)
    socket.off('error', end)
    const bytes = socket.read() as Buffer | null
    if (bytes === null) return end()
    socket.unshift(bytes)
    use(bytes)
  })
}

function spokenIn(bytes: Buffer): Spoken {
  if (bytes[0] === TLS_HANDSHAKE) return 'tls'
  const text = bytes.toString('latin1', 0, 17)
  if (text.startsWith(HTTP2_PREFACE)) return 'http2'
  return HTTP1_METHOD.test(text) ? 'http1' : 'unknown'
}
