import type { FastifyRequest } from 'fastify'
import { secretIn } from '../../core/access/admit.ts'
import { ServiceError } from '../../core/errors.ts'
import type { Services } from '../../core/services.ts'
import { byKey, type GuardOptions } from '../../http/guard.ts'
import { KEY_INVALID, NO_KEY } from './errors.ts'

/** SDKs send the header, the vendor's curl samples the query. */
function keyIn({ headers, query }: FastifyRequest): string | undefined {
  const { 'x-goog-api-key': header } = headers
  const { key } = query as { readonly key?: unknown }
  return header?.toString() ?? (typeof key === 'string' ? key : undefined)
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
