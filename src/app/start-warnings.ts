import type { FastifyBaseLogger } from 'fastify'
import type { Config } from '../config/config.ts'
import { isLoopback } from '../config/networks.ts'

interface Addresses {
  /** What links begin with if no public URL is set. */
  readonly url: string
  readonly listeningUrl: string
}

/** What an operator should know of the settings of a server that has begun to listen. */
export function warnOfSettings(
  { url, listeningUrl }: Addresses,
  { publicUrl }: Config,
  logger: FastifyBaseLogger,
): void {
  if (publicUrl === undefined && !isLocal(listeningUrl) && isLocal(url))
    logger.warn(
      { listening: listeningUrl },
      `links begin with ${url}, which leads other machines to themselves; set ENTREPOT_PUBLIC_URL to the address that clients see`,
    )
}

function isLocal(url: string): boolean {
  return isLoopback(new URL(url).hostname)
}
