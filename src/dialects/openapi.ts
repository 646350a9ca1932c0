import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { declarePublic } from '../http/guard.ts'
import type { Dialect } from './dialect.ts'

/** Describes the routes that are added to `server` from here on, at `/<dialect>/openapi.json`. */
export async function describeDialect(server: FastifyInstance, { name, title }: Dialect): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: `Entrepot: ${title} dialect`,
        version: '1',
        description: `The ${title} Files API, served by Entrepot.`,
      },
      servers: [{ url: `/${name}` }],
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      security: [{ key: [] }],
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
  })
}
