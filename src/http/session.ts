import cookie from '@fastify/cookie'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { admit, authenticate } from '../core/access/admit.ts'
import { authenticateSession, endSession, type StartSession, startSession } from '../core/access/sessions.ts'
import type { Caller, CallerSession } from '../core/caller.ts'
import { ServiceError } from '../core/errors.ts'
import type { Guesses } from '../core/limits/guess-limit.ts'
import type { Services } from '../core/services.ts'

/** Name of the cookie that stands in for a key. */
export const SESSION_COOKIE = 'session'
/** In a Cookie header (RFC 6265, 4.2.1). */
const SESSION = new RegExp(`(?:^|; *)${SESSION_COOKIE}=([^;]+)`)
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS']

/** The value of the session's cookie, which needs no encoding; also on routes that know nothing of cookies. */
function sessionIn({ headers }: FastifyRequest): string | undefined {
  return SESSION.exec(headers.cookie ?? '')?.[1]
}

/** Who calls by the session of the cookie; undefined if there is no cookie. @throws ServiceError `unauthenticated`, `origin-forbidden` */
export function callerBySession(services: Services, request: FastifyRequest): Promise<Caller> | undefined {
  const value = sessionIn(request)
  return value === undefined ? undefined : authenticateValue(services, request, value)
}

async function authenticateValue(
  services: Services,
  request: FastifyRequest,
  value: string,
): Promise<Caller> {
  const caller = await authenticateSession(services, value)
  // A browser sends the cookie along whoever made it ask; only a page of ours may change anything with it.
  if (!SAFE_METHODS.includes(request.method)) requireOwnOrigin(services, request)
  return caller
}

/** @throws ServiceError `origin-forbidden` */
function requireOwnOrigin({ addresses }: Services, { headers }: FastifyRequest): void {
  if (headers.origin === new URL(addresses.publicUrl).origin) return
  throw new ServiceError(
    'origin-forbidden',
    'Requests with a session cookie need an Origin header of this server',
  )
}

/** Lets the routes of `server` set the cookie. */
export async function setSessionCookies(server: FastifyInstance): Promise<void> {
  await server.register(cookie)
}

export interface SignIn {
  /** The key; empty or undefined: there is none. */
  readonly secret: string | undefined
  readonly seconds: number
  /** Counts keys that are wrong, in place of what all share. */
  readonly guesses?: Guesses
  /** What the holder of a key that is not good is told. */
  readonly refusal?: string
}

/**
 * Starts a session with a key and sets its cookie. Counts as a write.
 * @throws ServiceError `origin-forbidden`, and like `authenticate` and `admit`
 */
export async function signIn(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
  { secret, seconds, refusal, guesses = services.guesses }: SignIn,
): Promise<{ readonly caller: Caller; readonly session: CallerSession }> {
  // A page elsewhere must not log its visitor in as somebody else.
  if (request.headers.origin !== undefined) requireOwnOrigin(services, request)
  const caller = await authenticate({ ...services, guesses }, secret, refusal)
  await admit(services, caller, { scope: 'any', limit: 'write', role: 'viewer' })
  const holder = { keyId: caller.keyId }
  return { caller, session: await beginSession(services, request, reply, { holder, seconds }) }
}

/** Starts a session and sets its cookie. */
export async function beginSession(
  services: Services,
  { headers }: FastifyRequest,
  reply: FastifyReply,
  { holder, seconds }: Pick<StartSession, 'holder' | 'seconds'>,
): Promise<CallerSession> {
  const asked = { holder, seconds, userAgent: headers['user-agent'] }
  const { value, session } = await startSession(services, asked)
  reply.setCookie(SESSION_COOKIE, value, { ...attributes(services), maxAge: seconds })
  return session
}

/** Ends the session of the cookie, if there is one, and takes the cookie back. @throws ServiceError `origin-forbidden` */
export async function signOut(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const value = sessionIn(request)
  if (value !== undefined) {
    requireOwnOrigin(services, request)
    await endSession(services, value)
  }
  reply.clearCookie(SESSION_COOKIE, attributes(services))
}

function attributes(services: Services) {
  return { ...pageCookie(services), sameSite: 'strict' } as const
}

/** What a cookie has that also comes along when another site's page leads here. */
export function pageCookie({ addresses }: Services) {
  const secure = addresses.publicUrl.startsWith('https:')
  return { path: '/', httpOnly: true, sameSite: 'lax', secure } as const
}
