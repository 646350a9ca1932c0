import type { FastifyInstance } from 'fastify'
import { type LinkAddress, type LinkRoute, tokenOf } from '../link-address.ts'
import type { DraftUploads } from './draft-uploads.ts'

/** What the draft asks of a link beyond PUT, GET and HEAD, which it shares. */
export function addDraftRoutes(server: FastifyInstance, url: LinkAddress, drafts: DraftUploads): void {
  const config = { access: 'link' } as const
  server.post<LinkRoute>(
    url,
    {
      config,
      onRequest: async (request, reply) => void (await drafts.begin(request, reply, tokenOf(request))),
    },
    (request, reply) => drafts.receive(request, reply, tokenOf(request)),
  )
  server.patch<LinkRoute>(
    url,
    { config, onRequest: (request, reply) => drafts.append(request, reply, tokenOf(request)) },
    (request, reply) => drafts.receive(request, reply, tokenOf(request)),
  )
  server.delete<LinkRoute>(url, { config }, (request, reply) => drafts.cancel(reply, tokenOf(request)))
}
