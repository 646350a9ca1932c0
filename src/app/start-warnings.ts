import type { FastifyBaseLogger } from 'fastify'
import type { Config } from '../config/config.ts'
import { isLoopback } from '../config/networks.ts'

const ANONYMOUS =
  'ENTREPOT_YANDEX_ANONYMOUS is on: programs on this machine need no key, and a proxy or tunnel on it that adds no header lets everybody in'

interface Addresses {
  /** What links begin with if no public URL is set. */
  readonly url: string
  readonly listeningUrl: string
}

/** What an operator should know of the settings of a server that has begun to listen. */
export function warnOfSettings(
  { url, listeningUrl }: Addresses,
  { publicUrl, yandex }: Config,
  logger: FastifyBaseLogger,
): void {
  if (yandex.anonymous) logger.warn(ANONYMOUS)
  if (publicUrl === undefined && !isLocal(listeningUrl) && isLocal(url))
    logger.warn(
      { listening: listeningUrl },
      `links begin with ${url}, which leads other machines to themselves; set ENTREPOT_PUBLIC_URL to the address that clients see`,
    )
}

function isLocal(url: string): boolean {
  return isLoopback(new URL(url).hostname)
}
