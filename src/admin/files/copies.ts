import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { requireScope, resolveProject } from '../../core/access/admit.ts'
import { isAtLeast } from '../../core/access/keys.ts'
import { ServiceError } from '../../core/errors.ts'
import { copyFile } from '../../core/files/copy-file.ts'
import type { FileRecord } from '../../core/files/file.ts'
import { readStoredFile } from '../../core/files/read-file.ts'
import { touchFile } from '../../core/files/touch-file.ts'
import { WorkLimit } from '../../core/limits/work-limit.ts'
import type { Services } from '../../core/services.ts'
import type { Alongside } from '../../core/uploads/start-upload.ts'
import { checkIdempotencyKey, idempotently } from '../../http/idempotent.ts'
import { operation } from '../../http/operation.ts'
import { whileCallerStays } from '../../http/while-caller-stays.ts'
import { storedBody } from '../../intake/stored-body.ts'
import { readCopyRequest } from './requests.ts'
import type { ById } from './routes.ts'
import * as schemas from './schemas.ts'
import { answerFile } from './wire.ts'

/** A copy takes a request of a few bytes and as much of the disk as an upload. Smaller ones are over at once. */
const LARGE_BYTES = 16 * 1024 * 1024
const MAX_LARGE_COPIES = 4

/** `POST /files/{id}/copies`: the bytes never leave the server. */
export function addCopies(server: FastifyInstance, services: Services, url: string): void {
  const largeCopies = new WorkLimit({
    maxAtOnce: MAX_LARGE_COPIES,
    refusal: `At most ${MAX_LARGE_COPIES} large files are copied at a time.`,
  })
  const docs = operation('Files', 'admin.files.copy', 'Copy a file on the server', {
    access: { scope: 'files:create', limit: 'write' },
    failures: [
      ...(['field-unknown', 'field-invalid', 'project-forbidden', 'file-not-found', 'bytes-lost'] as const),
      ...(['quota-exceeded', 'storage-full', 'idempotency-key-invalid', 'idempotency-running'] as const),
    ],
    params: schemas.FileParams,
    headers: schemas.CopyHeaders,
    body: schemas.CopyBody,
    response: { 201: schemas.FileBody },
  })
  server.post<ById>(url, { ...docs, preValidation: checkIdempotencyKey }, async (request, reply) => {
    const { caller, params } = request
    requireScope(caller, 'files:read')
    const asked = readCopyRequest(request.body)
    const text = await idempotently(services, request, reply, {
      operation: `admin.files.copy ${services.parseFileId(params.id) ?? params.id}`,
      // The projects of an admin become more with each one that is made.
      ...(isAtLeast(caller.role, 'admin') ? { reach: 'all' } : {}),
      id: params.id,
      run: async (alongside) => {
        const source = await readStoredFile(services, caller, params.id)
        await touchFile(services, source, 'download')
        const copying = () => copy(services, request, reply, source, asked, alongside)
        return source.sizeBytes < LARGE_BYTES ? copying() : largeCopies.run(caller.organizationId, copying)
      },
      toBody: (file) => answerFile(services, caller, file),
    })
    return reply.code(201).send(text)
  })
}

/** Ends when the caller leaves: nobody would learn of the copy. */
async function copy(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
  source: FileRecord,
  { project, name }: ReturnType<typeof readCopyRequest>,
  alongside: Alongside | undefined,
): Promise<FileRecord> {
  const { caller, server } = request
  const target = { project: project ?? source.projectId, organization: undefined }
  const projectId = await resolveProject(services, caller, target)
  const left = new ServiceError(
    'request-malformed',
    'The copy ended because its caller closed the connection, which has to stay open both ways.',
  )
  return whileCallerStays(request, reply, left, (gone) => {
    const memory = server.memory.open(caller.organizationId)
    const toBody = (bytes: AsyncIterable<Uint8Array>) => storedBody(bytes, source, memory, gone)
    return copyFile(services, caller, source, { projectId, name, toBody }, alongside)
  })
}
