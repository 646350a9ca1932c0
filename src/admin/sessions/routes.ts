import type { FastifyInstance } from 'fastify'
import { acrossOrganization } from '../../core/access/admit.ts'
import { describeCaller } from '../../core/access/describe-caller.ts'
import { endSessionOf, listSessions, sessionId } from '../../core/access/sessions.ts'
import type { Caller } from '../../core/caller.ts'
import type { Services } from '../../core/services.ts'
import type { FailedSignIns } from '../../http/failed-sign-ins.ts'
import { operation } from '../../http/operation.ts'
import { SESSION_COOKIE, setSessionCookies, signIn, signOut } from '../../http/session.ts'
import type { AdminOptions } from '../api.ts'
import { OIDC_START, type OidcOptions } from '../oidc/routes.ts'
import { printPlace, readListRequest, readSignInRequest } from './requests.ts'
import * as schemas from './schemas.ts'
import { toMeBody, toSessionBody } from './wire.ts'

const SESSIONS = '/v1/sessions'

export interface SignInOptions {
  /** How long a session lasts that starts here. */
  readonly sessionSeconds: number
  /** Of this server. */
  readonly version: string
  readonly failures: FailedSignIns
  /** Undefined: one signs in with keys alone. */
  readonly oidc: OidcOptions | undefined
}

/** The ways in and out: they need no key, and are for pages of this server alone. */
export async function addSignInRoutes(
  server: FastifyInstance,
  services: Services,
  options: SignInOptions,
): Promise<void> {
  await setSessionCookies(server)
  const opens = {
    access: 'public',
    failures: ['origin-forbidden', 'storage-unavailable', 'storage-timeout', 'storage-full'],
  } as const
  server.get(
    '/v1/sign-in',
    operation('Sessions', 'admin.sign-in', 'How one can sign in besides with a key', {
      access: 'public',
      security: [],
      response: { 200: schemas.SignInBody },
    }),
    async () => ({ oidc: options.oidc ? { label: options.oidc.label, path: OIDC_START } : null }),
  )
  server.post(
    SESSIONS,
    operation('Sessions', 'admin.sessions.start', 'Sign in with a key', {
      ...opens,
      failures: [
        ...opens.failures,
        ...(['unauthenticated', 'rate-limited', 'field-invalid', 'body-not-json'] as const),
      ],
      security: [],
      body: schemas.SignInRequest,
      response: { 201: schemas.MeBody },
    }),
    async (request, reply) => {
      const secret = readSignInRequest(request.body)
      const guesses = options.failures.of(request.ip, services.guesses)
      const seconds = options.sessionSeconds
      const asked = { secret, seconds, guesses, refusal: 'This key is not valid.' }
      const { caller, session } = await signIn(services, request, reply, asked)
      reply.code(201)
      return answerMe(services, await acrossOrganization(services, { ...caller, session }), options)
    },
  )
  server.delete(
    `${SESSIONS}/current`,
    operation('Sessions', 'admin.sessions.end-current', 'Sign out', {
      ...opens,
      security: [{ [SESSION_COOKIE]: [] }, {}],
      response: { 204: { type: 'null', description: 'Signed out.' } },
    }),
    async (request, reply) => {
      await signOut(services, request, reply)
      return reply.code(204).send()
    },
  )
}

/** What a caller learns about itself, and its sessions. */
export function addSessionRoutes(
  server: FastifyInstance,
  services: Services,
  { keyQuery, ...options }: SignInOptions & Pick<AdminOptions, 'keyQuery'>,
): void {
  const me = operation('Sessions', 'admin.me', 'Who the caller is, and what it may do', {
    access: { scope: 'any', limit: 'read' },
    response: { 200: schemas.MeBody },
  })
  server.get('/v1/me', me, ({ caller }) => answerMe(services, caller, options))
  addList(server, services, keyQuery)
  addEnd(server, services)
}

async function answerMe(services: Services, caller: Caller, { version }: Pick<SignInOptions, 'version'>) {
  const { publicUrl } = services.addresses
  return toMeBody(await describeCaller(services, caller), { publicUrl, version })
}

function addList(server: FastifyInstance, services: Services, keyQuery: string | undefined): void {
  const docs = operation('Sessions', 'admin.sessions.list', 'List sessions', {
    access: { scope: 'any', limit: 'read' },
    failures: ['field-unknown', 'field-invalid'],
    querystring: schemas.ListQuery,
    response: { 200: schemas.PageBody },
  })
  server.get(SESSIONS, docs, async ({ caller, query }) => {
    const asked = readListRequest(query, keyQuery)
    const { items, hasMore, end } = await listSessions(services, caller, asked)
    return {
      sessions: items.map((session) => toSessionBody(session, caller.session?.id)),
      next: hasMore && end ? printPlace({ id: sessionId(end), expiresAt: end.expiresAt }) : null,
    }
  })
}

function addEnd(server: FastifyInstance, services: Services): void {
  const docs = operation('Sessions', 'admin.sessions.end', 'End a session', {
    access: { scope: 'any', limit: 'write', role: 'viewer' },
    failures: ['session-not-found', 'storage-full'],
    params: schemas.SessionParams,
    response: { 204: { type: 'null', description: 'Ended.' } },
  })
  server.delete<{ Params: { id: string } }>(`${SESSIONS}/:id`, docs, async ({ caller, params }, reply) => {
    await endSessionOf(services, caller, params.id)
    return reply.code(204).send()
  })
}
