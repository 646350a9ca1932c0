import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  onRequestAsyncHookHandler,
  RouteOptions,
} from 'fastify'
import { admit, authenticate, type Access as KeyAccess, secretIn } from '../core/access/admit.ts'
import type { Caller } from '../core/caller.ts'
import type { ErrorCode } from '../core/errors.ts'
import type { Allowance } from '../core/limits/rate-limit.ts'
import { SECOND_MS } from '../core/ports/clock.ts'
import type { Services } from '../core/services.ts'

/**
 * What a route asks of its caller. The server does not start while a route declares nothing. `link`: a signed link is the
 * credential. `public`: no credential.
 */
export type Access = KeyAccess | 'link' | 'public'

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
    /** For the documentation: what this operation refuses, beyond what follows from its access and its method. */
    failures?: readonly ErrorCode[]
    /** For the documentation: a body is not looked at, but for its Content-Encoding. */
    ignoresBody?: true
    /** For the documentation: what this operation takes, and its successes. A route without it is left out. */
    described?: FastifySchema
  }
  interface FastifyInstance {
    /** The API that the requests of this scope speak, which its files keep as their origin. */
    surface?: string
  }
  interface FastifyRequest {
    /** Set on every route that asks for a key. */
    caller: Caller
  }
}

/** Stops the start if a route does not declare its access. */
export function requireDeclaredAccess(server: FastifyInstance): void {
  const routes: RouteOptions[] = []
  server.addHook('onRoute', (route) => void routes.push(route))
  server.addHook('onReady', async () => {
    const undeclared = routes.filter(({ config }) => config?.access === undefined)
    if (undeclared.length === 0) return
    throw new Error(
      `routes that declare no access: ${undeclared.map(({ method, url }) => `${method} ${url}`).join(', ')}`,
    )
  })
}

/** Declares the routes of a plugin as public, unless they declare their access themselves. */
export function declarePublic(server: FastifyInstance): void {
  server.addHook('onRoute', (route) => {
    route.config = { access: 'public', ...route.config }
  })
}

export interface GuardOptions {
  readonly services: Services
  /** Finds the caller by the credentials of this dialect. @throws ServiceError `unauthenticated` */
  readonly authenticate: (request: FastifyRequest) => Promise<Caller>
  /** Runs after authentication, before the request is counted. @throws ServiceError */
  readonly afterAuthentication?: (request: FastifyRequest) => void
  /** Writes the dialect's rate headers, if it has any. `now` is the time that people see. */
  readonly showAllowance?: (reply: FastifyReply, allowance: Allowance, now: number) => void
}

/** One hook in front of every route of a dialect that asks for a key. */
export function guard(
  server: FastifyInstance,
  { services, authenticate, afterAuthentication, showAllowance }: GuardOptions,
): void {
  server.addHook('onRoute', (route) => {
    const access = route.config?.access
    if (access === undefined || typeof access === 'string') return
    const admitCaller: onRequestAsyncHookHandler = async (request, reply) => {
      request.caller = { ...(await authenticate(request)), surface: server.surface }
      await admit(services, request.caller, access, {
        check: () => afterAuthentication?.(request),
        onAllowance: (allowance) => showAllowance?.(reply, allowance, services.clock.now()),
      })
    }
    route.onRequest = [admitCaller, ...[route.onRequest ?? []].flat()] as onRequestAsyncHookHandler[]
  })
}

/** Where a dialect's clients put the key, besides or instead of `Authorization: Bearer`. */
export interface KeyPlace {
  /** What precedes the key in `Authorization`, if it is not `Bearer`; see `secretIn`. */
  readonly scheme?: RegExp
  /** The key in a place of the vendor's own, which counts before `Authorization`; empty or undefined: it is not there. */
  readonly find?: (request: FastifyRequest) => string | undefined
  /** What the caller with a key that is not good is told. */
  readonly refusal?: string
  /** Finds the caller where there is no key. */
  readonly otherwise?: GuardOptions['authenticate']
}

/** Finds the caller by the key. */
export function byKey(
  services: Services,
  { scheme, find, refusal, otherwise }: KeyPlace = {},
): GuardOptions['authenticate'] {
  return (request) => {
    const { authorization } = request.headers
    const found = find?.(request)
    if (otherwise && !found && authorization === undefined) return otherwise(request)
    return authenticate(services, found || secretIn(authorization, scheme), refusal)
  }
}

/** The caller by the key; undefined if there is none where this dialect has it. */
export function callerByKey(
  services: Services,
  request: FastifyRequest,
  { scheme, find, refusal }: Omit<KeyPlace, 'otherwise'> = {},
): Promise<Caller> | undefined {
  const secret = find?.(request) || secretIn(request.headers.authorization, scheme)
  return secret ? authenticate(services, secret, refusal) : undefined
}

/** The key in a header without a scheme, for `find`. Node joins the values of a header that comes twice: no key is like that. */
export function keyInHeader({ headers }: FastifyRequest, name: Lowercase<string>): string | undefined {
  return headers[name]?.toString().trim()
}

/** The key in a parameter of the query, for `find`. One that comes twice is no key. */
export function keyInQuery({ query }: FastifyRequest, name: string): string | undefined {
  const value = (query as Readonly<Record<string, unknown>>)[name]
  return typeof value === 'string' ? value.trim() : undefined
}

/** When a bucket is full again, in unix seconds, rounded up, as most vendors' headers tell it. */
export function fullAtSeconds({ fullInMs }: Allowance, now: number): number {
  return Math.ceil((now + fullInMs) / SECOND_MS)
}

/** `X-RateLimit-Limit`, `-Remaining` and `-Reset`, in unix seconds; for `GuardOptions`. */
export function showAllowance(reply: FastifyReply, allowance: Allowance, now: number): void {
  reply.header('x-ratelimit-limit', String(allowance.limit))
  reply.header('x-ratelimit-remaining', String(allowance.remaining))
  reply.header('x-ratelimit-reset', String(fullAtSeconds(allowance, now)))
}
