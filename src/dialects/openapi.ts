import { readdirSync } from 'node:fs'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { isHttpDate } from '../core/time/http-date.ts'
import { plainErrorSchema, routeUnknown, toPlainErrorAnswer } from '../http/errors.ts'
import { declarePublic } from '../http/guard.ts'
import { FILE_ID_FORMAT } from '../http/operation.ts'
import { pathOf } from '../http/routing.ts'
import type { ServedDialect } from './dialect.ts'
import { type Answerer, correctPaths, type DescribedPaths, describeOperation } from './openapi-operations.ts'

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

const PAGE = '/docs'

const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" width="150" height="40"><text x="0" y="28" font-family="sans-serif"
  font-size="26" font-weight="bold" fill="#fff">Entrepot</text></svg>`

/** What has a description of its own, at `/<name>/openapi.json`. */
export type Described = Answerer &
  Pick<ServedDialect, 'name' | 'title' | 'keySchemes' | 'keyHeaders' | 'keyQuery' | 'headers' | 'cookie'>

/** The signed links that the dialects hand out: they are credentials themselves. */
export const links: Described = {
  name: 'transfer',
  title: 'Links',
  keySchemes: [],
  toErrorAnswer: toPlainErrorAnswer,
  errorBody: plainErrorSchema,
}

/** What all descriptions tell of the server. */
export interface About {
  /** Of Entrepot. */
  readonly version: string
  /** Where clients find it, if the operator says so: absolute, without a slash at its end. */
  readonly publicUrl: string | undefined
  /** Of a file's id in any form. */
  readonly fileIdPattern: string
}

/** Describes the routes that are added to `server` from here on, at `/<name>/openapi.json`. */
export async function describeRoutes(
  server: FastifyInstance,
  described: Described,
  { version, publicUrl, fileIdPattern }: About,
): Promise<void> {
  const { name, title } = described
  const direct = { url: `/${name}` }
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: `Entrepot: ${title}`,
        version,
        description: `${title}, served by Entrepot. The APIs that can be chosen above all have the same files.`,
      },
      servers: [direct],
      ...securityOf(described),
    },
    transform: ({ url, route }) => ({ schema: describeOperation(route, described), url }),
  })
  // Behind a path prefix only the operator knows the address. The relative one is for who calls this server past its proxy.
  const servers = publicUrl === undefined ? [direct] : [{ url: `${publicUrl}/${name}` }, direct]
  server.get('/openapi.json', { config: { access: 'public' } }, async () => {
    const document = server.swagger()
    correctPaths(document as DescribedPaths)
    const showPattern = (_: string, value: { readonly format?: unknown } | null) =>
      value?.format === FILE_ID_FORMAT ? { ...value, format: undefined, pattern: fileIdPattern } : value
    return JSON.parse(JSON.stringify({ ...document, servers }, showPattern))
  })
}

/** What a request carries: a key, in one of its places, with the dialect's headers; or the cookie alone. */
function securityOf(described: Described) {
  const { keySchemes = ['Bearer'], keyHeaders = [], keyQuery, headers = [], cookie } = described
  const keys = [
    ...keySchemes.map((scheme) => [scheme === 'Bearer' ? 'key' : scheme, keyScheme(scheme)] as const),
    ...keyHeaders.map((name) => named(name, 'header')),
    ...(keyQuery === undefined ? [] : [named(keyQuery, 'query')]),
  ]
  // Not secret, but it is as security schemes that the page lets its reader fill headers in once.
  const others = headers.map((name) => named(name, 'header'))
  const cookies = cookie === undefined ? [] : [named(cookie, 'cookie')]
  const together = [...keys.map(([name]) => [name, ...headers]), ...cookies.map(([name]) => [name])]
  return {
    components: { securitySchemes: Object.fromEntries([...keys, ...others, ...cookies]) },
    security: together.map((names) => Object.fromEntries(names.map((name) => [name, []]))),
  }
}

/** A scheme, named after the header, parameter or cookie that it is. `key` is the name of the one in `Authorization`. */
function named(name: string, place: 'header' | 'query' | 'cookie') {
  return [place === 'query' ? `query-${name}` : name, { type: 'apiKey', in: place, name }] as const
}

/** OpenAPI knows few schemes of `Authorization`; any other is described as the header that it is. */
function keyScheme(scheme: string) {
  if (scheme === 'Bearer') return { type: 'http', scheme: 'bearer' } as const
  const description = `${scheme}, a blank, and the key.`
  return { type: 'apiKey', in: 'header', name: 'Authorization', description } as const
}

/**
 * All descriptions, rendered, at `/docs/`. Served from this process: nothing is fetched from elsewhere. All that the page loads
 * is relative to it, so that it works behind a proxy that takes a path prefix off, and past that proxy.
 */
export async function addDocsPage(
  server: FastifyInstance,
  all: readonly Described[],
  { version }: Pick<About, 'version'>,
): Promise<void> {
  declarePublic(server)
  serveKnownFiles(server)
  addLastSlash(server)
  // The page insists on a description of its own to start from; it shows those of the dialects.
  await server.register(swagger, { openapi: { info: { title: 'Entrepot', version } } })
  const urls = all.map(({ name, title }) => ({ url: `../${name}/openapi.json`, name: title }))
  await server.register(swaggerUi, {
    routePrefix: PAGE,
    // The plugin writes `<indexPrefix>/docs/static/…` into the page where its URL has a query.
    indexPrefix: '..',
    staticCSP: PAGE_POLICY,
    uiConfig: { urls, layout: 'StandaloneLayout', validatorUrl: null },
    theme: { title: 'Entrepot API' },
    logo: { type: 'image/svg+xml', content: LOGO, href: './' },
  })
}

/** Relative addresses lead elsewhere from a path without the slash at its end. The target is relative, too (RFC 9110, 10.2.2). */
function addLastSlash(server: FastifyInstance): void {
  server.addHook('onRequest', async ({ url }, reply) => {
    if (pathOf(url) === PAGE) return reply.redirect(url.replace(PAGE, `.${PAGE}/`))
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
