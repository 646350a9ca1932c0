import type { FastifyBaseLogger } from 'fastify'
import { authorityOf } from '../net/listening.ts'

/** The variables that say where a server listens. */
export interface ListenSettings {
  readonly host: string
  readonly port: string
}

interface OptionalPort {
  /** Undefined: switched off. */
  readonly port: number | undefined
  /** Whether the operator has set it. */
  readonly required: boolean
}

/**
 * Listens on a port that a server can do without. If the operator has set it and it is taken, the start fails; if the default
 * is taken, the server starts without it.
 */
export async function listenOptionally(
  what: string,
  settings: ListenSettings,
  { port, required }: OptionalPort,
  logger: FastifyBaseLogger,
  listen: (port: number) => Promise<void>,
): Promise<void> {
  if (port === undefined) return
  try {
    await listen(port)
  } catch (error) {
    if (required || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw inWords(error, settings)
    logger.warn({ port }, `the ${what} port is taken; going on without ${what} (set ${settings.port})`)
  }
}

interface SystemError extends NodeJS.ErrnoException {
  readonly address?: string
  readonly port?: number
  readonly hostname?: string
}

/** Why a server cannot look up its host or listen, in a sentence that names the setting to change; any other error as it is. */
export function inWords(error: unknown, settings: ListenSettings): unknown {
  const { syscall, code, address = '', port, hostname } = error as SystemError
  const say = (sentence: string) => new Error(sentence, { cause: error })
  if (syscall === 'getaddrinfo')
    return say(`The address of the host "${hostname}" cannot be found (${code}); correct ${settings.host}.`)
  if (syscall !== 'listen') return error
  const place = port === undefined ? address : authorityOf(address, port)
  if (code === 'EADDRINUSE')
    return say(`${place} is in use by another program; set ${settings.port} to another port.`)
  return say(`${place} cannot be listened on (${code}); correct ${settings.host} or ${settings.port}.`)
}
