import { randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type GroupRule, grantForGroups } from '../../core/access/grant-for-groups.ts'
import { ServiceError } from '../../core/errors.ts'
import { MINUTE_MS, SECOND_MS } from '../../core/ports/clock.ts'
import type { Services } from '../../core/services.ts'
import { operation } from '../../http/operation.ts'
import { beginSession, pageCookie } from '../../http/session.ts'
import type { SignInOptions } from '../sessions/routes.ts'
import { OidcProvider, ProviderError, type ProviderSettings } from './provider.ts'
import { openSignIn, type PendingSignIn, sealSignIn } from './sealed-sign-in.ts'

export interface OidcOptions extends ProviderSettings {
  readonly groups: readonly GroupRule[]
  /** Whom people sign in with, as they are told. */
  readonly label: string
}

/** Where a sign-in begins, below the address of the server. */
export const OIDC_START = 'admin/v1/oidc/start'
const START = '/v1/oidc/start'
const CALLBACK = '/v1/oidc/callback'
const COOKIE = 'oidc'
const CONSOLE = '/console/'
const PENDING_MS = 10 * MINUTE_MS
const MAX_RETURN_CHARACTERS = 1000

/** Why somebody is back at the page of sign-in. */
type Failure = 'oidc_unavailable' | 'oidc_expired' | 'oidc_refused' | 'oidc_no_group' | 'rate_limited'

const sendsElsewhere = {
  access: 'public',
  security: [],
  response: { 302: { type: 'null', description: 'To the provider, the console, or its page of sign-in.' } },
} as const

/** `/start` sends a browser to the provider, which sends it back to `/callback`. Both are pages, which a link leads to. */
export function addOidcRoutes(
  server: FastifyInstance,
  services: Services,
  options: SignInOptions & { readonly oidc: OidcOptions },
): void {
  const { oidc, failures, sessionSeconds: seconds } = options
  const provider = new OidcProvider(oidc, services.clock)
  const start = operation('Sessions', 'admin.oidc.start', 'Sign in with an OpenID provider', {
    ...sendsElsewhere,
    querystring: { type: 'object', properties: { return: { type: 'string' } } },
  })
  server.get(START, start, async (request, reply) => {
    const { return: returnTo } = request.query as { readonly return?: unknown }
    const pending = newSignIn(services, returnTo)
    return guarded(services, request, reply, pending, async () => {
      const address = await provider.addressFor(redirectUri(services), pending)
      const cookie = { ...pageCookie(services), maxAge: PENDING_MS / SECOND_MS }
      reply.setCookie(COOKIE, sealSignIn(services.linkKeys, pending), cookie)
      return address.href
    })
  })
  const callback = operation('Sessions', 'admin.oidc.callback', 'Come back from an OpenID provider', {
    ...sendsElsewhere,
    failures: ['storage-unavailable', 'storage-timeout', 'storage-full'],
  })
  server.get(CALLBACK, callback, async (request, reply) => {
    const kept = openSignIn(services.linkKeys, request.cookies[COOKIE] ?? '', services.clock.now())
    return guarded(services, request, reply, kept, async () => {
      try {
        const pending = requirePending(kept, request)
        // Good once. An answer to an older sign-in leaves the one that is under way.
        reply.clearCookie(COOKIE, pageCookie(services))
        const address = new URL(redirectUri(services))
        address.search = new URL(request.url, address).search
        const member = await provider.memberAt(address, pending)
        const grant = await grantForGroups(services, oidc.groups, member)
        if (grant === undefined)
          throw new SignInFailure('oidc_no_group', `groups: ${member.groups.join(', ')}`)
        await beginSession(services, request, reply, { holder: grant, seconds })
        return consoleAddress(services, pending.returnPath)
      } catch (error) {
        // A callback that fails counts as a wrong key does.
        if (error instanceof SignInFailure || error instanceof ProviderError)
          failures.of(request.ip, services.guesses).count()
        throw error
      }
    })
  })
}

class SignInFailure extends Error {
  override readonly name = 'SignInFailure'
  readonly code: Failure

  constructor(code: Failure, message: string) {
    super(message)
    this.code = code
  }
}

/** Sends the browser where `work` says, or back to the page of sign-in, which knows where it was to go. */
async function guarded(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
  pending: Pick<PendingSignIn, 'returnPath'> | undefined,
  work: () => Promise<string>,
): Promise<FastifyReply> {
  try {
    return reply.redirect(await work())
  } catch (error) {
    const code = failureOf(error)
    if (code === undefined) throw error
    const { message } = error as Error
    request.log.warn({ code, reason: message, requestId: request.id }, 'a sign-in by OpenID failed')
    const query = new URLSearchParams({ error: code })
    const target = pending?.returnPath.slice(CONSOLE.length)
    if (target) query.set('return', target)
    return reply.redirect(consoleAddress(services, `${CONSOLE}sign-in?${query}`))
  }
}

function failureOf(error: unknown): Failure | undefined {
  if (error instanceof SignInFailure) return error.code
  if (error instanceof ProviderError) return `oidc_${error.code}`
  return error instanceof ServiceError && error.code === 'rate-limited' ? 'rate_limited' : undefined
}

function newSignIn({ clock }: Services, returnTo: unknown): PendingSignIn {
  const random = () => randomBytes(32).toString('base64url')
  return {
    state: random(),
    nonce: random(),
    verifier: random(),
    returnPath: pathInConsole(returnTo),
    expiresAt: clock.now() + PENDING_MS,
  }
}

/** @throws SignInFailure */
function requirePending(pending: PendingSignIn | undefined, { query }: FastifyRequest): PendingSignIn {
  const { state } = query as { readonly state?: unknown }
  if (pending !== undefined && state === pending.state) return pending
  throw new SignInFailure('oidc_expired', 'no sign-in of this browser is under way, or it is another one')
}

/** A path of the console with its query; for anything else its first page. Nobody is sent elsewhere from here. */
export function pathInConsole(given: unknown): string {
  if (typeof given !== 'string' || given.length > MAX_RETURN_CHARACTERS || !given.startsWith(CONSOLE))
    return CONSOLE
  // As a browser reads it, which takes `/console/..//host`, backslashes and tabs for more than they look.
  const origin = 'http://console.invalid'
  const url = URL.parse(given, origin)
  const isInside = url?.origin === origin && url.pathname.startsWith(CONSOLE)
  return isInside ? url.pathname + url.search + url.hash : CONSOLE
}

/** @param path below the address of the server */
function consoleAddress({ addresses }: Services, path: string): string {
  return addresses.publicUrl + path
}

function redirectUri({ addresses }: Services): string {
  return `${addresses.publicUrl}/admin${CALLBACK}`
}
