import { readdirSync } from 'node:fs'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { isHttpDate } from '../core/http-date.ts'
import { routeUnknown } from '../http/error-answer.ts'
import { declarePublic } from '../http/guard.ts'
import type { Dialect } from './dialect.ts'

/** What the page may do: run what this server sends, and call it. It sets a style or two in itself. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" width="150" height="40"><text x="0" y="28" font-family="sans-serif"
  font-size="26" font-weight="bold" fill="#fff">Entrepot</text></svg>`

/** Describes the routes that are added to `server` from here on, at `/<dialect>/openapi.json`. */
export async function describeDialect(server: FastifyInstance, dialect: Dialect): Promise<void> {
  const { name, title } = dialect
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: `Entrepot: ${title} dialect`,
        version: '1',
        description: `The ${title} Files API, served by Entrepot.`,
      },
      servers: [{ url: `/${name}` }],
      ...securityOf(dialect),
    },
  })
  server.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, async () =>
    server.swagger(),
  )
}

/** What a request carries: the key with the dialect's headers, or the cookie alone. */
function securityOf({ headers = [], cookie }: Dialect) {
  // Not secret, but it is as security schemes that the page lets its reader fill headers in once.
  const inHeaders = headers.map((name) => [name, { type: 'apiKey', in: 'header', name } as const])
  const inCookie =
    cookie === undefined ? [] : [[cookie, { type: 'apiKey', in: 'cookie', name: cookie } as const]]
  const key = { type: 'http', scheme: 'bearer' } as const
  const together = [['key', ...headers], ...(cookie === undefined ? [] : [[cookie]])]
  return {
    components: { securitySchemes: { key, ...Object.fromEntries([...inHeaders, ...inCookie]) } },
    security: together.map((names) => Object.fromEntries(names.map((name) => [name, []]))),
  }
}

/** The rendered descriptions of all dialects, at `/docs`. Served from this process: nothing is fetched from elsewhere. */
export async function addDocsPage(
  server: FastifyInstance,
  dialects: readonly Dialect[],
  basePath: string,
): Promise<void> {
  declarePublic(server)
  serveKnownFiles(server)
  // The page insists on a description of its own to start from; it shows those of the dialects.
  await server.register(swagger, { openapi: { info: { title: 'Entrepot', version: '1' } } })
  const urls = dialects.map(({ name, title }) => ({ url: `${basePath}/${name}/openapi.json`, name: title }))
  await server.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: PAGE_POLICY,
    uiConfig: { urls, layout: 'StandaloneLayout', validatorUrl: null },
    theme: { title: 'Entrepot API' },
    logo: { type: 'image/svg+xml', content: LOGO, href: '/docs' },
  })
}

/**
 * The page's files are a closed list: what is not on it is unknown, whatever the file system would say of such a name. The
 * plugin throws for some of them.
 */
function serveKnownFiles(server: FastifyInstance): void {
  const files = new Set(readdirSync(new URL('static', import.meta.resolve('@fastify/swagger-ui'))))
  server.addHook<{ Params: { '*'?: string } }>('onRequest', async ({ method, params, headers }, reply) => {
    const name = params['*']
    if (name !== undefined && !files.has(name)) throw routeUnknown()
    // These guard changes against those of others (RFC 9110, 13.1.1 and 13.1.4), and nobody changes these files.
    delete headers['if-match']
    delete headers['if-unmodified-since']
    // The plugin honours ranges of HEAD, which has none (RFC 9110, 14.2), and takes other texts for dates.
    if (method === 'HEAD' || headers['if-range'] !== undefined) delete headers.range
    if (!isHttpDate(headers['if-modified-since'])) delete headers['if-modified-since']
    reply.header('x-content-type-options', 'nosniff')
  })
}
