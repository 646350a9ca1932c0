import cookie from '@fastify/cookie'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { admit, authenticate } from '../core/access/admit.ts'
import { authenticateSession, endSessions, type StartSession, startSession } from '../core/access/sessions.ts'
import type { Caller, CallerSession } from '../core/caller.ts'
import { ServiceError } from '../core/errors.ts'
import type { Guesses } from '../core/limits/guess-limit.ts'
import { SECOND_MS } from '../core/ports/clock.ts'
import type { Services } from '../core/services.ts'

/** Name of the cookie that stands in for a key. */
export const SESSION_COOKIE = 'session'
/** In a Cookie header (RFC 6265, 4.2.1). */
const SESSION = new RegExp(`(?:^|; *)${SESSION_COOKIE}=([^;]+)`, 'g')
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS']

/** The values of the session's cookie, which need no encoding; also on routes that know nothing of cookies. */
function sessionsIn({ headers }: FastifyRequest): readonly string[] {
  return Array.from((headers.cookie ?? '').matchAll(SESSION), ([, value = '']) => value)
}

/** Who calls by the session of the cookie; undefined if there is no cookie. @throws ServiceError `unauthenticated`, `origin-forbidden` */
export function callerBySession(services: Services, request: FastifyRequest): Promise<Caller> | undefined {
  const values = sessionsIn(request)
  return values.length === 0 ? undefined : authenticateAny(services, request, values)
}

async function authenticateAny(
  services: Services,
  request: FastifyRequest,
  values: readonly string[],
): Promise<Caller> {
  const caller = await authenticateSession(services, values)
  // A browser sends the cookie along whoever made it ask; only a page of ours may change anything with it.
  if (!SAFE_METHODS.includes(request.method)) requireOwnOrigin(services, request)
  return caller
}

/** @throws ServiceError `origin-forbidden` */
function requireOwnOrigin({ addresses }: Services, request: FastifyRequest): void {
  const { origin } = request.headers
  const { origin: ownOrigin } = new URL(addresses.publicUrl)
  if (origin === ownOrigin || (addresses.hasOthers && isSameOrigin(request))) return
  const message =
    origin === undefined
      ? `A change with a session cookie needs an Origin header of this server: ${ownOrigin}.`
      : `Pages at this address cannot sign in or change anything. Open ${addresses.publicUrl} instead, or set ENTREPOT_PUBLIC_URL to the address that browsers use.`
  throw new ServiceError('origin-forbidden', message)
}

/**
 * Whether the page is at the address that it calls, under whatever name. A browser sends the cookies of the called host alone, so a
 * foreign name that leads here brings none. It writes these headers itself, `Sec-Fetch-Site` over https and to this machine.
 */
function isSameOrigin({ headers, protocol }: FastifyRequest): boolean {
  const { origin, host, 'sec-fetch-site': site } = headers
  if (origin === undefined) return false
  if (site !== undefined) return site === 'same-origin'
  // A proxy may have ended the TLS of the page.
  return origin === `https://${host}` || (protocol === 'http' && origin === `http://${host}`)
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
  request: FastifyRequest,
  reply: FastifyReply,
  { holder, seconds }: Pick<StartSession, 'holder' | 'seconds'>,
): Promise<CallerSession> {
  const asked = { holder, seconds, userAgent: request.headers['user-agent'] }
  const { value, session } = await startSession(services, asked)
  const maxAge = Math.ceil((session.expiresAt - services.clock.now()) / SECOND_MS)
  reply.setCookie(SESSION_COOKIE, value, { ...attributes(services, request), maxAge })
  return session
}

/** Ends the sessions of the cookie, if there are any, and takes the cookie back. @throws ServiceError `origin-forbidden` */
export async function signOut(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const values = sessionsIn(request)
  if (values.length > 0) {
    requireOwnOrigin(services, request)
    await endSessions(services, values)
  }
  reply.clearCookie(SESSION_COOKIE, attributes(services, request))
}

/** Of a page on https the cookie is `Secure`; where no page is told, that is one at the public URL. */
function attributes(services: Services, { headers: { origin } }: FastifyRequest) {
  const common = { ...pageCookie(services), sameSite: 'strict' } as const
  return origin === undefined ? common : { ...common, secure: origin.startsWith('https:') }
}

/** What a cookie has that also comes along when another site's page leads here. */
export function pageCookie({ addresses }: Services) {
  const secure = addresses.publicUrl.startsWith('https:')
  return { path: '/', httpOnly: true, sameSite: 'lax', secure } as const
}
