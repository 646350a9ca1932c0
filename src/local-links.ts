import type { FastifyBaseLogger } from 'fastify'
import { isLoopback } from './config-networks.ts'

interface Addresses {
  /** What links begin with if no public URL is set. */
  readonly url: string
  readonly listeningUrl: string
}

/** Other machines reach this server, but its links name an address that leads each of them to itself. */
export function warnOfLocalLinks(
  { url, listeningUrl }: Addresses,
  publicUrl: string | undefined,
  logger: FastifyBaseLogger,
): void {
  const isOpen = !isLoopback(new URL(listeningUrl).hostname)
  if (publicUrl !== undefined || !isOpen || !isLoopback(new URL(url).hostname)) return
  logger.warn(
    { listening: listeningUrl },
    `links begin with ${url}, which leads other machines to themselves; set ENTREPOT_PUBLIC_URL to the address that clients see`,
  )
}
