import cors from '@fastify/cors'
import type { FastifyContextConfig, FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    cors?: { readonly strictPreflight: boolean; readonly preflightContinue: boolean }
  }
}

/** For a route of OPTIONS that answers preflights and tells programs what they can do here. */
export const asksForAbilities = {
  answersOptions: true,
  cors: { strictPreflight: false, preflightContinue: true },
} as const satisfies FastifyContextConfig

/** Headers of an answer that pages on any origin may read in full. The wildcards mean so where no credentials are allowed. */
export const readableByPages = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': '*',
} as const

/**
 * Lets pages on any origin call the routes of this server with any header, as SDKs and their users add their own: it is the
 * link or the key that is secret, and a browser sends no cookie along.
 */
export async function allowBrowsers(server: FastifyInstance): Promise<void> {
  server.addHook('onRoute', (route) => {
    // Preflights carry no credentials.
    if (route.method === 'OPTIONS') route.config = { access: 'public', ...route.config }
  })
  await server.register(cors, {
    origin: '*',
    exposedHeaders: '*',
    methods: ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE'],
    maxAge: 600,
  })
}
