import type { FastifyInstance } from 'fastify'
import { secretIn } from '../../core/access/admit.ts'
import type { Services } from '../../core/services.ts'
import { operation } from '../../http/operation.ts'
import { SESSION_COOKIE, setSessionCookies, signIn, signOut } from '../../http/session.ts'
import * as schemas from './schemas.ts'
import type { LlamaCloudSettings } from './settings.ts'

export const KEY_REFUSED = 'Invalid API key'
const opens = {
  access: 'public',
  failures: ['origin-forbidden', 'storage-unavailable', 'storage-timeout', 'storage-full'],
} as const

/** `POST /session` with a key, as bearer or as `{"api_key"}`, sets the cookie; `DELETE /session` ends it. */
export async function addSessionRoutes(
  server: FastifyInstance,
  services: Services,
  { sessionSeconds: seconds }: LlamaCloudSettings,
): Promise<void> {
  await setSessionCookies(server)
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
      const secret = secretIn(request.headers.authorization) ?? String(request.body?.api_key ?? '')
      const asked = { secret, seconds, refusal: KEY_REFUSED }
      const { session } = await signIn(services, request, reply, asked)
      return { expires_at: new Date(session.expiresAt).toISOString() }
    },
  )
  server.delete(
    '/session',
    operation('Session', 'session.end', 'End the browser session', {
      ...opens,
      security: [{ [SESSION_COOKIE]: [] }, {}],
      response: { 204: { type: 'null', description: 'Ended' } },
    }),
    async (request, reply) => {
      await signOut(services, request, reply)
      return reply.code(204).send()
    },
  )
}
