import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { declarePublic } from '../http/guard.ts'
import type { Dialect } from './dialect.ts'

const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" width="150" height="40"><text x="0" y="28" font-family="sans-serif"
  font-size="26" font-weight="bold" fill="#fff">Entrepot</text></svg>`

/** Describes the routes that are added to `server` from here on, at `/<dialect>/openapi.json`. */
export async function describeDialect(
  server: FastifyInstance,
  { name, title, headers = [] }: Dialect,
): Promise<void> {
  // Not secret, but it is as security schemes that the page lets its reader fill headers in once.
  const own = headers.map(
    (header) => [header, { type: 'apiKey', in: 'header', name: header } as const] as const,
  )
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: `Entrepot: ${title} dialect`,
        version: '1',
        description: `The ${title} Files API, served by Entrepot.`,
      },
      servers: [{ url: `/${name}` }],
      components: {
        securitySchemes: { key: { type: 'http', scheme: 'bearer' }, ...Object.fromEntries(own) },
      },
      security: [Object.fromEntries(['key', ...own.map(([scheme]) => scheme)].map((scheme) => [scheme, []]))],
    },
  })
  server.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, async () =>
    server.swagger(),
  )
}

/** The rendered descriptions of all dialects, at `/docs`. Served from this process: nothing is fetched from elsewhere. */
export async function addDocsPage(
  server: FastifyInstance,
  dialects: readonly Dialect[],
  basePath: string,
): Promise<void> {
  declarePublic(server)
  // The page insists on a description of its own to start from; it shows those of the dialects.
  await server.register(swagger, { openapi: { info: { title: 'Entrepot', version: '1' } } })
  const urls = dialects.map(({ name, title }) => ({ url: `${basePath}/${name}/openapi.json`, name: title }))
  await server.register(swaggerUi, {
    routePrefix: '/docs',
    uiConfig: { urls, layout: 'StandaloneLayout', validatorUrl: null },
    theme: { title: 'Entrepot API' },
    logo: { type: 'image/svg+xml', content: LOGO, href: '/docs' },
  })
}
