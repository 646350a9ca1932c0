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

/**
 * Lets pages on any origin call the routes of this server: it is the link or the key that is secret, and no cookie is sent
 * along.
 */
export async function allowBrowsers(server: FastifyInstance): Promise<void> {
  await server.register(cors, {
    origin: '*',
    methods: ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE'],
    exposedHeaders: [
      'etag',
      'content-length',
      'content-range',
      'content-disposition',
      'accept-ranges',
      'retry-after',
      'x-request-id',
      'location',
      'upload-offset',
      'entrepot-file-id',
      'upload-complete',
      'upload-limit',
      'repr-digest',
      'upload-length',
      'upload-defer-length',
      'upload-metadata',
      'upload-expires',
      'tus-resumable',
      'tus-version',
      'tus-extension',
      'tus-max-size',
      'tus-checksum-algorithm',
    ],
    maxAge: 600,
  })
}
