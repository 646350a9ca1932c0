import { type AddressInfo, isIPv6, type Server } from 'node:net'

const { Server: TlsServer } = process.getBuiltinModule('node:tls')

/** `host:port` as a URL has it. */
export function authorityOf(address: string, port: number): string {
  return `${isIPv6(address) ? `[${address}]` : address}:${port}`
}

/** Where a server of TCP listens, all addresses (`0.0.0.0`) included. */
export function listeningAt(server: Server): string {
  const { address, port } = server.address() as AddressInfo
  return authorityOf(address, port)
}

/** PEM. */
export interface TlsIdentity {
  readonly cert: string
  readonly key: string
}

/** From now on new connections of a server with TLS get this certificate. */
export function setTls(server: Server, { cert, key }: TlsIdentity): void {
  if (!(server instanceof TlsServer)) throw new Error('a server without TLS')
  server.setSecureContext({ cert, key })
}

/** The port of `host:port`. */
export function portOf(authority: string | undefined): number | undefined {
  return authority === undefined ? undefined : Number(authority.slice(authority.lastIndexOf(':') + 1))
}
