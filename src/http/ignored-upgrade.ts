import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { whenAnswered } from './when-answered.ts'

/**
 * Ignores `Upgrade`, as a server may (RFC 9110, 7.8). Node's parser stops behind a request that has it, and what came with
 * it in one read is lost if nobody listens. The connection therefore begins anew with the same request, `Upgrade` left
 * out, once what came before it is answered. Bodies cannot be read twice: `losesNextRequest` tells these requests.
 */
export function ignoreUpgrades(server: Server): void {
  Object.assign(server, { shouldUpgradeCallback: (request: IncomingMessage) => !declaresBody(request) })
  // Node's own listener is the one that gives a connection its parser.
  const [parse] = server.listeners(server instanceof TlsServer ? 'secureConnection' : 'connection')
  server.on('upgrade', (request: IncomingMessage, socket: Socket, rest: Buffer) => {
    const ignore = () => undefined
    socket.on('error', ignore)
    whenAnswered(socket, () => {
      socket.off('error', ignore)
      // Set by Node for an idle connection, and unknown to the parser that follows.
      socket.setTimeout(0)
      socket.unshift(Buffer.concat([headOf(request), rest]))
      parse?.call(server, socket)
      socket.resume()
    })
  })
}

/** Whether Node's parser loses what came behind a request: the connection must end with its answer. */
export function losesNextRequest(request: IncomingMessage): boolean {
  return request.headers.upgrade !== undefined && declaresBody(request)
}

function declaresBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]?.toLowerCase() !== 'upgrade') lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}
