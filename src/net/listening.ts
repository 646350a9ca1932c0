import { type AddressInfo, isIPv6, type Server } from 'node:net'

/** The variables that say where a server listens. */
export interface ListenSettings {
  readonly host: string
  readonly port: string
}

/** A server cannot listen where it was told to: one sentence that names the setting to change. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  /** Another program has the port. */
  readonly isTaken: boolean

  constructor(cause: NodeJS.ErrnoException & { readonly hostname?: string }, settings: ListenSettings) {
    super(sentenceOf(cause, settings), { cause })
    this.isTaken = cause.code === 'EADDRINUSE'
  }
}

/** Runs what looks up a host and listens. @throws ListenError for a failure of either */
export async function listenBy<T>(settings: ListenSettings, listen: () => Promise<T>): Promise<T> {
  try {
    return await listen()
  } catch (error) {
    const { syscall = '' } = error as NodeJS.ErrnoException
    if (!['listen', 'getaddrinfo'].includes(syscall)) throw error
    throw new ListenError(error as NodeJS.ErrnoException, settings)
  }
}

/** `host:port` as a URL has it. */
export function authorityOf(address: string, port: number): string {
  return `${isIPv6(address) ? `[${address}]` : address}:${port}`
}

/** Where a server of TCP listens, all addresses (`0.0.0.0`) included. */
export function listeningAt(server: Server): string {
  const { address, port } = server.address() as AddressInfo
  return authorityOf(address, port)
}

/** The port of `host:port`. */
export function portOf(authority: string | undefined): number | undefined {
  return authority === undefined ? undefined : Number(authority.slice(authority.lastIndexOf(':') + 1))
}

function sentenceOf(
  error: NodeJS.ErrnoException & {
    readonly address?: string
    readonly port?: number
    readonly hostname?: string
  },
  settings: ListenSettings,
): string {
  const { code, address = '', port, hostname } = error
  if (hostname !== undefined)
    return `The address of the host "${hostname}" cannot be found (${code}); correct ${settings.host}.`
  const place = port === undefined ? address : authorityOf(address, port)
  if (code === 'EADDRINUSE')
    return `${place} is in use by another program; set ${settings.port} to another port.`
  return `${place} cannot be listened on (${code}); correct ${settings.host} or ${settings.port}.`
}
