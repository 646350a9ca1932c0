import type { FastifyInstance } from 'fastify'

/** In the order in which `Allow` lists them. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

interface OfferedRoute {
  readonly url: string
  readonly path: RegExp
  readonly methods: readonly string[]
  /** Undefined: whoever asks. */
  readonly dialect: string | undefined
}

/** Knows which methods a path takes. Asked only where no route was found, so it may take its time. */
export class OfferedMethods {
  readonly #routes: OfferedRoute[] = []

  /** Sees the routes that are added to the server from here on. */
  constructor(server: FastifyInstance) {
    server.addHook('onRoute', ({ url, method, constraints }) => {
      const dialect = (constraints as { readonly dialect?: string } | undefined)?.dialect
      this.#routes.push({ url, path: patternOf(url), methods: [method].flat(), dialect })
    })
  }

  /** Whether the paths of some routes begin with these segments. */
  begin(segments: string): boolean {
    return this.#routes.some(({ url }) => url.startsWith(`${segments}/`))
  }

  /** The methods that a dialect offers on a path without its query; none if there is nothing at this address. */
  on(path: string, dialect: string): readonly string[] {
    const routes = this.#routes.filter(
      (route) => route.path.test(path) && (route.dialect ?? dialect) === dialect,
    )
    // Whatever else is routed, preflights of browsers above all, makes no address.
    return METHODS.filter((method) => routes.some(({ methods }) => takes(methods, method)))
  }
}

/** Each HEAD is that of a GET, of which Fastify says nothing where a plugin's `/` is served with a slash and without. */
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
