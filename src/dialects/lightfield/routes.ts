import type { FastifyInstance, FastifyRequest, preValidationHookHandler } from 'fastify'
import { ServiceError } from '../../core/errors.ts'
import { stateAt } from '../../core/files/file.ts'
import { listFiles } from '../../core/files/list-files.ts'
import { readFile } from '../../core/files/read-file.ts'
import { touchFile } from '../../core/files/touch-file.ts'
import { issueDownload, issueLink } from '../../core/links/link.ts'
import type { Services } from '../../core/services.ts'
import { cancelUpload } from '../../core/uploads/cancel-upload.ts'
import { completeUpload } from '../../core/uploads/complete-upload.ts'
import { DIGEST_HEADER } from '../../core/uploads/receive-upload.ts'
import { startUpload } from '../../core/uploads/start-upload.ts'
import { checkIdempotencyKey, idempotently } from '../../http/idempotent.ts'
import { operation } from '../../http/operation.ts'
import { shownName } from '../../intake/file-type.ts'
import * as schemas from './schemas.ts'
import type { LightfieldSettings } from './settings.ts'
import * as wire from './wire.ts'

const writes = { access: { scope: 'files:create', limit: 'write' } } as const
const reads = { access: { scope: 'files:read', limit: 'read' } } as const
const searches = {
  access: { scope: 'files:read', limit: 'search' },
  failures: ['field-invalid'],
} as const
const validates = { access: { scope: 'any', limit: 'read' } } as const
const ofWrites = [
  'field-missing',
  'field-unknown',
  'field-invalid',
  'idempotency-key-invalid',
  'idempotency-running',
  'storage-full',
] as const

interface ById {
  Params: { id: string }
}

/** The seven operations. Every success is a 200. */
export function addRoutes(server: FastifyInstance, services: Services, settings: LightfieldSettings): void {
  addCreate(server, services, settings)
  addEndings(server, services)
  addReads(server, services, settings)
}

function addCreate(server: FastifyInstance, services: Services, settings: LightfieldSettings): void {
  const docs = operation('Files', 'file.create', 'Create a file upload session', {
    ...writes,
    failures: [...ofWrites, 'role-missing', 'user-missing', 'rule-violated', 'quota-exceeded'],
    headers: schemas.CreateHeaders,
    body: schemas.describedCreateBody(settings),
    response: { 200: schemas.CreatedFileBody },
  })
  server.post<{ Body: schemas.CreateBody }>(
    '/v1/files',
    { ...docs, preValidation: [checkIdempotencyKey, checkDigest], schema: { body: schemas.CreateBody } },
    (request, reply) => {
      const { caller, body } = request
      const upload = wire.fromCreateBody(body, digestOf(request), caller, services.clock.now(), settings)
      return idempotently(services, request, reply, {
        operation: 'file.create',
        run: (alongside) => startUpload(services, caller, upload, alongside),
        toBody: async (file) =>
          wire.toCreatedBody(file, await issueLink(services, 'PUT', file, file.uploadExpiresAt ?? 0)),
      })
    },
  )
}

function addEndings(server: FastifyInstance, services: Services): void {
  const common = {
    ...writes,
    failures: [...ofWrites, 'file-not-found', 'state-conflict'],
    params: schemas.FileParams,
    headers: schemas.IdempotentHeaders,
    response: { 200: schemas.FileBody },
  } as const
  const complete = operation('Files', 'file.complete', 'Complete a file upload', {
    ...common,
    failures: [...common.failures, 'bytes-missing', 'size-mismatch', 'checksum-mismatch', 'bytes-lost'],
    body: schemas.CompleteBody,
  })
  server.post<ById & { Body: schemas.CompleteBody }>(
    '/v1/files/:id/complete',
    { ...complete, preValidation: checkIdempotencyKey, schema: { body: schemas.CompleteBody } },
    (request, reply) => {
      const { caller, params, body } = request
      const input = { id: params.id, md5: body.md5, stateNames: wire.statusNames }
      return idempotently(services, request, reply, {
        operation: `file.complete ${canonical(services, params.id)}`,
        id: params.id,
        run: (alongside) => completeUpload(services, caller, input, alongside),
        toBody: (file) => wire.toFileBody(file, services.clock.now()),
      })
    },
  )
  const cancel = operation('Files', 'file.cancel', 'Cancel a file upload', {
    ...common,
    body: schemas.CancelBody,
  })
  server.post<ById>(
    '/v1/files/:id/cancel',
    { ...cancel, preValidation: checkIdempotencyKey, schema: { body: schemas.CancelBody } },
    (request, reply) => {
      const input = { id: request.params.id, stateNames: wire.statusNames }
      return idempotently(services, request, reply, {
        operation: `file.cancel ${canonical(services, input.id)}`,
        id: input.id,
        run: (alongside) => cancelUpload(services, request.caller, input, alongside),
        toBody: (file) => wire.toFileBody(file, services.clock.now()),
      })
    },
  )
}

function addReads(server: FastifyInstance, services: Services, settings: LightfieldSettings): void {
  const { clock } = services
  server.get<{ Querystring: Record<string, unknown> }>(
    '/v1/files',
    operation('Files', 'file.list', 'List files', {
      ...searches,
      querystring: schemas.ListQuery,
      response: { 200: schemas.ListBody },
    }),
    async ({ caller, query }) => {
      const { files, total } = await listFiles(services, caller, wire.fromListQuery(query))
      return wire.toListBody(files, total, clock.now())
    },
  )
  server.get<ById>(
    '/v1/files/:id',
    operation('Files', 'file.retrieve', 'Retrieve a file', {
      ...reads,
      failures: ['file-not-found'],
      params: schemas.FileParams,
      response: { 200: schemas.FileBody },
    }),
    async ({ caller, params }) => {
      const file = await readFile(services, caller, params.id)
      await touchFile(services, file, 'read')
      return wire.toFileBody(file, clock.now())
    },
  )
  server.get<ById>(
    '/v1/files/:id/url',
    operation('Files', 'file.url', 'Get a temporary download URL', {
      ...reads,
      failures: ['file-not-found', 'state-conflict'],
      params: schemas.FileParams,
      response: { 200: schemas.UrlBody },
    }),
    async ({ caller, params }) => {
      const file = await readFile(services, caller, params.id)
      const state = stateAt(file, clock.now())
      if (state !== 'stored') {
        const message = `The file is ${wire.statusNames[state]}; only a COMPLETED file has a URL.`
        throw new ServiceError('state-conflict', message)
      }
      await touchFile(services, file, 'download')
      const link = await issueDownload(services, file, shownName(file), settings.downloadSeconds)
      return wire.toUrlBody(link)
    },
  )
  server.get(
    '/v1/auth/validate',
    operation('Auth', 'auth.validate', 'Validate the API key', {
      ...validates,
      response: { 200: schemas.ValidateBody },
    }),
    async ({ caller }) => wire.toValidateBody(caller),
  )
}

const checkDigest: preValidationHookHandler = (request, _reply, done) => {
  if (!schemas.DIGEST.test(digestOf(request))) {
    const message = `${DIGEST_HEADER} must be 64 lower-case hex characters.`
    throw new ServiceError('field-invalid', message, { field: DIGEST_HEADER })
  }
  done()
}

/** An id has several forms; a request repeated with another one of them is still the same. */
function canonical({ parseFileId }: Services, id: string): string {
  return parseFileId(id) ?? id
}

/** The SHA-256 that the client announces; '' if there is none. */
function digestOf({ headers }: FastifyRequest): string {
  return String(headers['entrepot-content-sha256'] ?? '')
}
