import type { FastifyRequest } from 'fastify'
import { secretIn } from '../../core/access/admit.ts'
import { ServiceError } from '../../core/errors.ts'
import type { Services } from '../../core/services.ts'
import { byKey, type GuardOptions, keyInHeader, keyInQuery } from '../../http/guard.ts'
import { KEY_INVALID, NO_KEY } from './errors.ts'

export const KEY_HEADER = 'x-goog-api-key'
export const KEY_PARAMETER = 'key'

/** SDKs send the header, the vendor's curl samples the query. */
function keyIn(request: FastifyRequest): string | undefined {
  return keyInHeader(request, KEY_HEADER) ?? keyInQuery(request, KEY_PARAMETER)
}

export const keyPlace = { find: keyIn, refusal: KEY_INVALID }

/** By the key in the header, in the query, or as a bearer token. @throws ServiceError `scope-missing` if there is none */
export function authenticateKey(services: Services): GuardOptions['authenticate'] {
  const authenticate = byKey(services, keyPlace)
  return (request) => {
    if (keyIn(request) === undefined && !secretIn(request.headers.authorization))
      throw new ServiceError('scope-missing', NO_KEY)
    return authenticate(request)
  }
}
