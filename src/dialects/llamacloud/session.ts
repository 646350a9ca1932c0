import type { FastifyInstance, FastifyRequest } from 'fastify'
import { admit, authenticate, secretIn } from '../../core/access/admit.ts'
import { authenticateSession, endSession, startSession } from '../../core/access/sessions.ts'
import type { Caller } from '../../core/caller.ts'
import { ServiceError } from '../../core/errors.ts'
import type { Services } from '../../core/services.ts'
import { operation } from '../../http/operation.ts'
import * as schemas from './schemas.ts'
import type { LlamaCloudSettings } from './settings.ts'

export const COOKIE = 'session'
/** In a Cookie header (RFC 6265, 4.2.1). */
const SESSION = new RegExp(`(?:^|; *)${COOKIE}=([^;]+)`)
export const KEY_REFUSED = 'Invalid API key'
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS']
const opens = {
  access: 'public',
  failures: ['origin-forbidden', 'storage-unavailable', 'storage-timeout', 'storage-full'],
} as const

/** The value of the session's cookie, which needs no encoding; also on routes that know nothing of cookies. */
export function sessionIn({ headers }: FastifyRequest): string | undefined {
  return SESSION.exec(headers.cookie ?? '')?.[1]
}

/** Who calls by the session of the cookie. */
export async function authenticateCookie(services: Services, request: FastifyRequest): Promise<Caller> {
  const value = sessionIn(request)
  if (value === undefined) throw new ServiceError('unauthenticated', 'Not authenticated')
  const caller = await authenticateSession(services, value)
  // A browser sends the cookie along whoever made it ask; only a page of ours may change anything with it.
  if (!SAFE_METHODS.includes(request.method)) requireOwnOrigin(services, request)
  return caller
}

function requireOwnOrigin({ addresses }: Services, { headers }: FastifyRequest): void {
  if (headers.origin === new URL(addresses.publicUrl).origin) return
  throw new ServiceError(
    'origin-forbidden',
    'Requests with a session cookie need an Origin header of this server',
  )
}

/** `POST /session` with a key, as bearer or as `{"api_key"}`, sets the cookie; `DELETE /session` ends it. */
export function addSessionRoutes(
  server: FastifyInstance,
  services: Services,
  { sessionSeconds }: LlamaCloudSettings,
): void {
  const attributes = () =>
    ({
      path: '/',
      httpOnly: true,
      sameSite: 'strict',
      secure: services.addresses.publicUrl.startsWith('https:'),
    }) as const
  server.post<{ Body: { api_key?: unknown } }>(
    '/session',
    operation('Session', 'session.start', 'Start a browser session with an API key', {
      ...opens,
      failures: [...opens.failures, 'unauthenticated', 'rate-limited'],
      // The key may stand in the body as well.
      security: [{ key: [] }, {}],
      body: schemas.SessionRequest,
      response: { 200: schemas.SessionBody },
    }),
    async (request, reply) => {
      // A page elsewhere must not log its visitor in as somebody else.
      if (request.headers.origin !== undefined) requireOwnOrigin(services, request)
      const secret = secretIn(request.headers.authorization) ?? String(request.body?.api_key ?? '')
      const caller = await authenticate(services, secret, KEY_REFUSED)
      await admit(services, caller, { scope: 'any', limit: 'write', role: 'viewer' })
      const { value, expiresAt } = await startSession(services, caller, sessionSeconds)
      reply.setCookie(COOKIE, value, { ...attributes(), maxAge: sessionSeconds })
      return { expires_at: new Date(expiresAt).toISOString() }
    },
  )
  server.delete(
    '/session',
    operation('Session', 'session.end', 'End the browser session', {
      ...opens,
      security: [{ [COOKIE]: [] }, {}],
      response: { 204: { type: 'null', description: 'Ended' } },
    }),
    async (request, reply) => {
      const value = sessionIn(request)
      if (value !== undefined) {
        requireOwnOrigin(services, request)
        await endSession(services, value)
      }
      return reply.clearCookie(COOKIE, attributes()).code(204).send()
    },
  )
}
