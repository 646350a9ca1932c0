import type { FastifyInstance } from 'fastify'
import type { Caller } from '../../core/caller.ts'
import type { FileRecord } from '../../core/files/file.ts'
import { readStoredOrPending } from '../../core/files/read-file.ts'
import type { Services } from '../../core/services.ts'
import { operation } from '../../http/operation.ts'
import type { ById } from './routes.ts'
import * as schemas from './schemas.ts'

/** A file as the clients of each API know it. */
export type ViewsOf = (caller: Caller, file: FileRecord) => Promise<schemas.DialectsBody['dialects']>

/** `GET /files/{id}/dialects` */
export function addDialects(
  server: FastifyInstance,
  services: Services,
  url: string,
  viewsOf: ViewsOf,
): void {
  const docs = operation('Files', 'admin.files.dialects', 'Get the ids of a file, and programs that use it', {
    access: { scope: 'files:read', limit: 'read' },
    failures: ['file-not-found'],
    params: schemas.FileParams,
    response: { 200: schemas.DialectsBody },
  })
  server.get<ById>(url, docs, async ({ caller, params }) => {
    const file = await readStoredOrPending(services, caller, params.id)
    return { dialects: await viewsOf(caller, file) }
  })
}
