import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  onRequestAsyncHookHandler,
  RouteOptions,
} from 'fastify'
import type { Scope } from '../core/access/scope.ts'
import { type Caller, hasScope } from '../core/caller.ts'
import { type ErrorCode, ServiceError } from '../core/errors.ts'
import type { Allowance, LimitClass } from '../core/limits/rate-limit.ts'
import { SECOND_MS } from '../core/ports/clock.ts'
import type { Services } from '../core/services.ts'

/**
 * What a route asks of its caller; each route declares it, or the server does not start.
 * - an object: a key with the scope (`any`: any key), counted in a class of requests;
 * - `link`: a signed link is the credential; - `public`: nothing.
 */
export type Access = { readonly scope: Scope | 'any'; readonly limit: LimitClass } | 'link' | 'public'

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
    /** For the documentation: what this operation refuses, beyond what follows from its access and its method. */
    failures?: readonly ErrorCode[]
    /** For the documentation: schemas that tell more than those by which requests are judged and answers printed. */
    described?: {
      readonly body?: object
      readonly querystring?: object
      readonly params?: object
      readonly headers?: object
      readonly response?: Readonly<Record<string, object>>
    }
  }
  interface FastifyRequest {
    /** Set on every route that asks for a key. */
    caller: Caller
  }
}

/** Refuses to start while any route is silent about who may call it. */
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

/** Declares the routes that a plugin adds, and that say nothing themselves, as public. */
export function declarePublic(server: FastifyInstance): void {
  server.addHook('onRoute', (route) => {
    route.config = { access: 'public', ...route.config }
  })
}

export interface GuardOptions {
  readonly services: Services
  /** Finds the caller by whatever this dialect's clients send. @throws ServiceError `unauthenticated` */
  readonly authenticate: (request: FastifyRequest) => Promise<Caller>
  /** Runs once the caller is known and before anything is counted or allowed. @throws ServiceError */
  readonly afterAuthentication?: (request: FastifyRequest) => void
  /** Writes the dialect's rate headers. */
  /** `now` is the time that people see. */
  readonly showAllowance: (reply: FastifyReply, allowance: Allowance, now: number) => void
}

/** One hook in front of every route of a dialect that asks for a key: key, then rate, then scope. */
export function guard(server: FastifyInstance, options: GuardOptions): void {
  server.addHook('onRoute', (route) => {
    const access = route.config?.access
    if (access === undefined || typeof access === 'string') return
    const admit: onRequestAsyncHookHandler = (request, reply) => findAndCount(request, reply, options, access)
    route.onRequest = [admit, ...[route.onRequest ?? []].flat()] as onRequestAsyncHookHandler[]
  })
}

async function findAndCount(
  request: FastifyRequest,
  reply: FastifyReply,
  { services, authenticate, afterAuthentication, showAllowance }: GuardOptions,
  { scope, limit }: Exclude<Access, string>,
): Promise<void> {
  const { rates, clock } = services
  request.caller = await authenticate(request)
  const { organizationId } = request.caller
  try {
    afterAuthentication?.(request)
  } catch (error) {
    // Not counted, but the answer still tells how the bucket stands.
    const standing = await rates.peek(organizationId, limit, clock.machineNow())
    if (standing) showAllowance(reply, standing, clock.now())
    throw error
  }
  const counted = rates.take(organizationId, limit, clock.machineNow())
  // Mostly it is no promise, and to await it all the same would have every request go once more through the queue.
  const allowance = counted instanceof Promise ? await counted : counted
  if (allowance) showAllowance(reply, allowance, clock.now())
  requireAdmitted(limit, allowance)
  if (scope !== 'any' && !hasScope(request.caller, scope)) {
    throw new ServiceError('scope-missing', `This key lacks the scope ${scope}.`)
  }
}

/** For a route that learns who calls from the body, and so cannot be guarded. @throws ServiceError `rate-limited` */
export async function countRequest(
  { rates, clock }: Services,
  { organizationId }: Caller,
  limit: LimitClass,
): Promise<void> {
  requireAdmitted(limit, await rates.take(organizationId, limit, clock.machineNow()))
}

function requireAdmitted(limit: LimitClass, allowance: Allowance | undefined): void {
  if (allowance === undefined || allowance.admitted) return
  const { retryAfterSeconds } = allowance
  const name = limit[0]?.toUpperCase() + limit.slice(1)
  const plural = retryAfterSeconds === 1 ? '' : 's'
  throw new ServiceError(
    'rate-limited',
    `${name} limit reached; try again in ${retryAfterSeconds} second${plural}.`,
    { retryAfterSeconds },
  )
}

/** When a bucket is full again, in the unit of most vendors' headers: whole unix seconds, rounded up. */
export function fullAtSeconds({ fullInMs }: Allowance, now: number): number {
  return Math.ceil((now + fullInMs) / SECOND_MS)
}

/** The secret of an `Authorization` header: all that follows the scheme, which is matched in any letter case. */
export function bearerSecret(request: FastifyRequest): string | undefined {
  const header = request.headers.authorization
  return header !== undefined && /^bearer /i.test(header) ? header.slice('bearer '.length).trim() : undefined
}
