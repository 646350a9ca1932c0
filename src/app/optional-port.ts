import type { FastifyBaseLogger } from 'fastify'
import { ListenError, type ListenSettings, listenBy } from '../net/listening.ts'

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
    await listenBy(settings, () => listen(port))
  } catch (error) {
    if (required || !(error instanceof ListenError && error.isTaken)) throw error
    logger.warn({ port }, `the ${what} port is taken; going on without ${what} (set ${settings.port})`)
  }
}
