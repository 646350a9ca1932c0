import { authenticate } from '../../core/access/authenticate.ts'
import type { Caller } from '../../core/caller.ts'
import { ServiceError } from '../../core/errors.ts'
import type { Services } from '../../core/services.ts'

const SCHEMES = /^(?:bearer|api-key) +(.+)$/i

/**
 * Who calls, by the header or metadata `authorization`: a key as `Api-Key …`, or as `Bearer …` where an SDK cannot send
 * anything but an IAM token.
 * @throws ServiceError `unauthenticated`
 */
export async function authenticateCaller(
  services: Services,
  authorization: string | undefined,
): Promise<Caller> {
  if (!authorization) throw new ServiceError('unauthenticated', 'The authorization header is missing')
  const [, secret] = SCHEMES.exec(authorization.trim()) ?? []
  try {
    return await authenticate(services, secret)
  } catch (error) {
    const isUnknown = error instanceof ServiceError && error.code === 'unauthenticated'
    throw isUnknown ? new ServiceError('unauthenticated', 'The key is invalid or has been revoked') : error
  }
}
