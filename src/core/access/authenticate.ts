import { type Caller, callerOf } from '../caller.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { hashSecret } from './api-key.ts'

/**
 * Who holds this secret. The look-up is by hash and happens on every request, so a key counts as soon as it exists and
 * stops counting as soon as it is revoked, by whichever process.
 * @param refusal what the caller is told, in the vendor's words
 * @throws ServiceError `unauthenticated` for an absent, unknown or revoked secret alike; `rate-limited` instead for one of
 *   many unknown or revoked secrets
 */
export async function authenticate(
  services: Services,
  secret: string | undefined,
  refusal = 'The API key is missing or not valid.',
): Promise<Caller> {
  const key = secret ? await services.metadata.findKey(hashSecret(secret)) : undefined
  if (key !== undefined && key.revokedAt === null) return callerOf(key)
  // Whoever sends no key guesses nothing.
  if (secret) services.guesses.count()
  throw new ServiceError('unauthenticated', refusal)
}
