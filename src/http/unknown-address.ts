import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { ServiceError } from '../core/errors.ts'
import type { Addressed } from './addressee.ts'
import { readableByPages } from './browsers.ts'
import { routeUnknown } from './errors.ts'
import { pathOf } from './routing.ts'

/** In the order of `Allow`. Other methods, such as the preflights of browsers, make no address. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
/** The most segments that a base URL can repeat. */
const MAX_SEGMENTS = 6

interface OfferedRoute {
  readonly url: string
  readonly path: RegExp
  readonly methods: readonly string[]
  /** Undefined: any. */
  readonly dialect: string | undefined
}

/** The dialect of a request. */
export type DialectOf = (request: Addressed) => string

/** Tells why a request has no route. Runs only for these, so it may be slow. */
export class UnknownAddresses {
  readonly #declared: RouteOptions[] = []
  #offered: readonly OfferedRoute[] | undefined
  readonly #dialectOf: DialectOf

  /** Sees the routes that are added to the server from here on. */
  constructor(server: FastifyInstance, dialectOf: DialectOf) {
    this.#dialectOf = dialectOf
    server.addHook('onRoute', (route) => void this.#declared.push(route))
  }

  /** Made at the first refusal: hooks of scopes inside the server add constraints after ours has run. */
  get #routes(): readonly OfferedRoute[] {
    this.#offered ??= this.#declared.flatMap(offeredBy)
    return this.#offered
  }

  /** @returns `route-unknown`, `base-url-wrong`, or `method-not-allowed` with the methods in `Allow` (RFC 9110, 15.5.6) */
  refusalOf(request: FastifyRequest, reply: FastifyReply): ServiceError {
    const path = pathOf(request.url)
    if (this.#answersPages(path, request)) reply.headers(readableByPages)
    const methods = this.#methodsOn(path, request)
    if (methods.length === 0)
      return this.#longBaseUrl(path, request) ?? this.#shortBaseUrl(path, request) ?? routeUnknown()
    if (methods.includes(request.method)) return routeUnknown()
    const offered = methods.join(', ')
    reply.header('allow', offered)
    return new ServiceError('method-not-allowed', `This address takes ${offered}.`)
  }

  /** Whether pages elsewhere may call what begins like this path: preflights of any address below it are answered. */
  #answersPages(path: string, request: FastifyRequest): boolean {
    return this.#routesOn(path, request).some(
      ({ url, methods }) => url.endsWith('*') && methods.includes('OPTIONS'),
    )
  }

  /** The methods on a path without its query, for the dialect of this request; none if there is nothing at this address. */
  #methodsOn(path: string, request: FastifyRequest): readonly string[] {
    const routes = this.#routesOn(path, request)
    return METHODS.filter((method) => routes.some(({ methods }) => takes(methods, method)))
  }

  #routesOn(path: string, { method, url, headers }: FastifyRequest): readonly OfferedRoute[] {
    const asked = this.#dialectOf({ method, url: path + url.slice(pathOf(url).length), headers })
    return this.#routes.filter(
      ({ path: pattern, dialect = asked }) => dialect === asked && pattern.test(path),
    )
  }

  /**
   * Tells that the base URL repeats the beginning of a path: `/v1/v1/files` comes from one that ends in `/v1`. True if some
   * first segments begin served paths, and the path without them is served. The name of a dialect in front may stay. The
   * fewest segments count.
   */
  #longBaseUrl(path: string, request: FastifyRequest): ServiceError | undefined {
    const [, ...segments] = path.split('/', 2 + 2 * MAX_SEGMENTS)
    const begins = segments[0] === this.#dialectOf(request) ? [0, 1] : [0]
    for (let length = 1; length <= MAX_SEGMENTS; length++) {
      for (const begin of begins) {
        const end = begin + length
        if (end >= segments.length) continue
        const before = joined(segments.slice(0, begin))
        const extra = joined(segments.slice(begin, end))
        if (!this.#routes.some((route) => route.url.startsWith(`${extra}/`))) continue
        const meant = before + path.slice(before.length + extra.length)
        // The address of the server itself has a page for people, which is no client's path.
        if (meant === '/' || this.#methodsOn(meant, request).length === 0) continue
        const repeated = path.startsWith(`${extra}/`, before.length + extra.length)
        // Not that the base URL must not contain it: that of OpenAI's SDKs has it once.
        const reason = repeated
          ? `it has "${extra}" twice. Take one out of the base URL.`
          : `the base URL must not contain "${extra}". Clients add the path of the API themselves.`
        return new ServiceError('base-url-wrong', `There is nothing at this address: ${reason}`)
      }
    }
    return undefined
  }

  /**
   * Tells that the base URL lacks the beginning of a path, where the address is nobody's: `/files` comes from one without
   * `/v1`, of an SDK whose paths have no version.
   */
  #shortBaseUrl(path: string, request: FastifyRequest): ServiceError | undefined {
    if (this.#dialectOf(request) !== '') return undefined
    const [, start = ''] = path.split('/', 2)
    for (const { url, dialect } of this.#routes) {
      const before = joined(url.split('/', 2).slice(1))
      // Parameters take any text, so the first segment has to be the route's own.
      if (dialect === undefined || !`${url}/`.startsWith(`${before}/${start}/`)) continue
      if (!this.#methodsOn(before + path, request).includes(request.method)) continue
      const message = `There is nothing at this address: the base URL must end in "${before}".`
      return new ServiceError('base-url-wrong', message)
    }
    return undefined
  }
}

/** None for a route that is not for every request, by another constraint than its dialect. */
function offeredBy({ url, method, constraints }: RouteOptions): readonly OfferedRoute[] {
  const { dialect, ...others } = (constraints ?? {}) as { readonly dialect?: string }
  if (Object.keys(others).length > 0) return []
  return [{ url, path: patternOf(url), methods: [method].flat(), dialect }]
}

function joined(segments: readonly string[]): string {
  return segments.map((segment) => `/${segment}`).join('')
}

/** HEAD implies GET: for the second form of a plugin's `/`, with or without the slash, Fastify announces only HEAD. */
function takes(methods: readonly string[], method: string): boolean {
  return methods.includes(method) || (method === 'GET' && methods.includes('HEAD'))
}

/** A route's path in the router's notation (`:name`, `*`, and `::` for a colon), where no parameter is empty. */
function patternOf(url: string): RegExp {
  const source = url.replaceAll(/::|:\w+|\*|[^\w/:*]/g, (token) => {
    if (token === '::') return ':'
    if (token.startsWith(':')) return '[^/]+'
    return token === '*' ? '.*' : `\\${token}`
  })
  return new RegExp(`^${source}$`)
}
