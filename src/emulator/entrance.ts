import type { FastifyRequest } from 'fastify'
import { isLoopback } from '../config/networks.ts'
import { requireRole } from '../core/access/admit.ts'
import type { Caller } from '../core/caller.ts'
import { ServiceError } from '../core/errors.ts'

/** `on`: whoever is on this machine, without a key; `exposed`: whoever has the key of an admin. */
export type Exposure = 'on' | 'exposed'

export type Authenticate = (request: FastifyRequest) => Promise<Caller>

/** A proxy on this machine would let others in. */
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-real-ip']

/**
 * Keeps out pages of other origins, also those whose name was made to lead here (DNS rebinding: the Host tells), and what
 * comes through a proxy.
 * @throws ServiceError `origin-forbidden`, `unauthenticated`, `role-missing`
 */
export async function requireEntrance(
  exposure: Exposure,
  authenticate: Authenticate,
  request: FastifyRequest,
): Promise<void> {
  const { headers } = request
  const host = headers.host ?? ''
  const site = headers['sec-fetch-site'] ?? 'none'
  const isForeign = headers.origin !== undefined && URL.parse(headers.origin)?.host !== hostOf(host)
  if (isForeign || (site !== 'same-origin' && site !== 'none'))
    throw new ServiceError('origin-forbidden', 'Pages of other origins may not use the emulator.')
  if (exposure === 'exposed') return requireRole(await authenticate(request), 'admin', 'The emulator')
  if (!isLoopback(URL.parse(`http://${host}`)?.hostname ?? ''))
    throw new ServiceError(
      'origin-forbidden',
      'The emulator is asked by an address of this machine, like 127.0.0.1 or localhost; ENTREPOT_EMULATOR=exposed takes others, with a key.',
    )
  if (FORWARDED.some((name) => headers[name] !== undefined))
    throw new ServiceError(
      'origin-forbidden',
      'The emulator is not asked through a proxy; ENTREPOT_EMULATOR=exposed allows that, with a key.',
    )
}

/** Without the port that is the scheme's own. */
function hostOf(host: string): string | undefined {
  return URL.parse(`http://${host}`)?.host
}
