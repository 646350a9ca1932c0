import type { FastifyInstance } from 'fastify'

/** Leaves the bodies of these routes in the connection, of whatever type: their handlers read them as they come. */
export function leaveBodiesUnread(server: FastifyInstance): void {
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', (_request, _payload, done) => done(null))
}
