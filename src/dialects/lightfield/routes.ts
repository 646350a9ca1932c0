import type { FastifyInstance, FastifyReply, FastifyRequest, preValidationHookHandler } from 'fastify'
import { hasScope } from '../../core/caller.ts'
import { ServiceError } from '../../core/errors.ts'
import { parseFileId } from '../../core/file-id.ts'
import { type FileRecord, stateAt } from '../../core/files/file.ts'
import { listFiles } from '../../core/files/list-files.ts'
import { readFile } from '../../core/files/read-file.ts'
import { checkMimeType, checkName } from '../../core/files/text-rules.ts'
import { touchFile } from '../../core/files/touch-file.ts'
import { type IssuedLink, issueLink } from '../../core/links/link.ts'
import type { AnswerSlot } from '../../core/ports/changes.ts'
import { SECOND_MS } from '../../core/ports/clock.ts'
import type { Services } from '../../core/services.ts'
import { DIGEST_HEADER } from '../../core/uploads/announced-digest.ts'
import { cancelUpload, completeUpload } from '../../core/uploads/end-upload.ts'
import { type StartUpload, startUpload } from '../../core/uploads/start-upload.ts'
import { issueDownloadLink } from '../../http/download.ts'
import { idempotently } from '../../http/idempotent.ts'
import { checkPurpose, stampName } from './purposes.ts'
import * as schemas from './schemas.ts'
import type { LightfieldSettings, Purpose } from './settings.ts'
import {
  fromListQuery,
  statusNames,
  toCreatedBody,
  toFileBody,
  toListBody,
  toUrlBody,
  toValidateBody,
} from './wire.ts'

const writes = { access: { scope: 'files:create', limit: 'write' } } as const
const reads = { access: { scope: 'files:read', limit: 'read' } } as const
const searches = { access: { scope: 'files:read', limit: 'search' } } as const
const validates = { access: { scope: 'any', limit: 'read' } } as const
const ofFields = ['field-missing', 'field-unknown', 'field-invalid'] as const
const idempotent = ['idempotency-key-invalid', 'idempotency-running'] as const
const ofPurposes = ['role-missing', 'user-missing', 'rule-violated'] as const
const ofBytes = ['bytes-missing', 'size-mismatch', 'checksum-mismatch', 'bytes-lost'] as const
const fileTag = ['Files']
const errors = { '4xx': schemas.ErrorBody, '5xx': schemas.ErrorBody }

/** The seven operations. Every success is a 200. */
export function addRoutes(server: FastifyInstance, services: Services, settings: LightfieldSettings): void {
  addUploadRoutes(server, services, settings)
  addReadRoutes(server, services, settings)
}

function addUploadRoutes(server: FastifyInstance, services: Services, settings: LightfieldSettings): void {
  const { clock } = services
  server.post<{ Body: schemas.CreateBody }>(
    '/v1/files',
    {
      config: {
        ...writes,
        failures: [...ofFields, ...idempotent, ...ofPurposes, 'quota-exceeded', 'storage-full'],
        described: { headers: schemas.createHeaders, body: schemas.createBody(settings) },
      },
      preValidation: [checkIdempotencyKey, checkDigest],
      schema: {
        tags: fileTag,
        operationId: 'file.create',
        summary: 'Create a file upload session',
        headers: schemas.CreateHeaders,
        body: schemas.CreateBody,
        response: { 200: schemas.CreatedFileBody, ...errors },
      },
    },
    (request, reply) => {
      const upload = fromCreateBody(request, services, settings)
      return sendText(
        reply,
        idempotently(
          services,
          request.log,
          slotOf(request, 'file.create'),
          (file) => toCreatedText(services, file),
          (alongside) => startUpload(services, request.caller, upload, alongside),
        ),
      )
    },
  )
  const endings = {
    complete: {
      body: schemas.CompleteBody,
      summary: 'Complete a file upload',
      failures: ofBytes,
      end: completeUpload,
    },
    cancel: { body: schemas.CancelBody, summary: 'Cancel a file upload', failures: [], end: cancelUpload },
  } as const
  for (const [verb, { body: schema, summary, failures, end }] of Object.entries(endings)) {
    server.post<{ Params: schemas.FileParams; Body: schemas.CompleteBody }>(
      `/v1/files/:id/${verb}`,
      {
        config: {
          ...writes,
          failures: [
            ...ofFields,
            ...idempotent,
            'file-not-found',
            'state-conflict',
            ...failures,
            'storage-full',
          ],
          described: { params: schemas.idOfFile, headers: schemas.idempotencyKey },
        },
        preValidation: checkIdempotencyKey,
        schema: {
          tags: fileTag,
          operationId: `file.${verb}`,
          summary,
          params: schemas.FileParams,
          body: schema,
          response: { 200: schemas.FileBody, ...errors },
        },
      },
      (request, reply) => {
        const { id } = request.params
        const input = { id, md5: request.body.md5, stateNames: statusNames }
        return sendText(
          reply,
          idempotently(
            services,
            request.log,
            slotOf(request, `file.${verb} ${parseFileId(id) ?? id}`),
            (file) => JSON.stringify(toFileBody(file, clock.now())),
            (alongside) => end(services, request.caller, input, alongside),
          ),
        )
      },
    )
  }
}

function addReadRoutes(server: FastifyInstance, services: Services, settings: LightfieldSettings): void {
  const { clock } = services
  server.get(
    '/v1/files',
    {
      config: { ...searches, failures: ['field-invalid'] },
      // The query is read by `fromListQuery`; the schema is for the documentation.
      validatorCompiler: () => () => true,
      schema: {
        tags: fileTag,
        operationId: 'file.list',
        summary: 'List files',
        querystring: schemas.listQueryDocs,
        response: { 200: schemas.ListBody, ...errors },
      },
    },
    async ({ caller, query }) => {
      const { files, total } = await listFiles(
        services,
        caller,
        fromListQuery(query as Record<string, unknown>),
      )
      return toListBody(files, total, clock.now())
    },
  )
  server.get<{ Params: schemas.FileParams }>(
    '/v1/files/:id',
    {
      config: { ...reads, failures: ['file-not-found'], described: { params: schemas.idOfFile } },
      schema: {
        tags: fileTag,
        operationId: 'file.retrieve',
        summary: 'Retrieve a file',
        params: schemas.FileParams,
        response: { 200: schemas.FileBody, ...errors },
      },
    },
    async ({ caller, params }) => {
      const file = await readFile(services, caller, params.id)
      await touchFile(services, file, 'read')
      return toFileBody(file, clock.now())
    },
  )
  server.get<{ Params: schemas.FileParams }>(
    '/v1/files/:id/url',
    {
      config: {
        ...reads,
        failures: ['file-not-found', 'state-conflict'],
        described: { params: schemas.idOfFile },
      },
      schema: {
        tags: fileTag,
        operationId: 'file.url',
        summary: 'Get a temporary download URL',
        params: schemas.FileParams,
        response: { 200: schemas.UrlBody, ...errors },
      },
    },
    async ({ caller, params }) => {
      const file = await readFile(services, caller, params.id)
      const now = clock.now()
      const state = stateAt(file, now)
      if (state !== 'stored') {
        throw new ServiceError(
          'state-conflict',
          `The file is ${statusNames[state]}; only a COMPLETED file has a URL.`,
        )
      }
      await touchFile(services, file, 'download')
      const end = now + settings.downloadSeconds * SECOND_MS
      return toUrlBody(await issueDownloadLink(services, file, Math.min(end, file.expiresAt ?? end)))
    },
  )
  server.get(
    '/v1/auth/validate',
    {
      config: validates,
      schema: {
        tags: ['Auth'],
        operationId: 'auth.validate',
        summary: 'Validate the API key',
        response: { 200: schemas.ValidateBody, ...errors },
      },
    },
    async ({ caller }) => toValidateBody(caller),
  )
}

/** Order of checks: the body's own rules, then the role that the purpose asks for, then what the purpose allows. */
function fromCreateBody(
  request: FastifyRequest<{ Body: schemas.CreateBody }>,
  { clock }: Services,
  settings: LightfieldSettings,
): StartUpload {
  const { body, caller } = request
  const { filename, mimeType, sizeBytes } = body
  checkName('filename', filename)
  checkMimeType('mimeType', mimeType)
  const rule = body.purpose === undefined ? undefined : settings.purposes[body.purpose as Purpose]
  if (rule) checkPurpose(caller, body.purpose as Purpose, rule, { mimeType, sizeBytes })
  const stamped = rule?.stamped ?? false
  return {
    name: stamped ? stampName(filename, clock.now()) : filename,
    mimeType,
    sizeBytes,
    // A hint for this request alone: the vendor neither keeps nor shows it.
    purpose: null,
    lifetimeSeconds: settings.sessionSeconds,
    writeOnce: stamped,
    sha256: digestOf(request) || null,
    expiry: { policy: 'never' },
  }
}

function toCreatedText(services: Services, file: FileRecord): string | Promise<string> {
  const print = (link: IssuedLink) => JSON.stringify(toCreatedBody(file, file.createdAt, link))
  const link = issueLink(services, 'PUT', file, file.uploadExpiresAt ?? 0)
  return link instanceof Promise ? link.then(print) : print(link)
}

/** JSON that was printed before. To await it, or the reply, would cost another twentieth of the request. */
function sendText(reply: FastifyReply, text: Promise<string>): Promise<string> {
  reply.type('application/json; charset=utf-8')
  return text
}

const checkIdempotencyKey: preValidationHookHandler = ({ headers }, _reply, done) => {
  const key = headers['idempotency-key']
  if (key !== undefined && key.length > schemas.MAX_IDEMPOTENCY_KEY_CHARACTERS) {
    const message = `Idempotency-Key is longer than ${schemas.MAX_IDEMPOTENCY_KEY_CHARACTERS} characters.`
    throw new ServiceError('idempotency-key-invalid', message, { field: 'Idempotency-Key' })
  }
  done()
}

const checkDigest: preValidationHookHandler = (request, _reply, done) => {
  if (!schemas.DIGEST.test(digestOf(request))) {
    const message = `${DIGEST_HEADER} must be 64 lower-case hex characters.`
    throw new ServiceError('field-invalid', message, { field: DIGEST_HEADER })
  }
  done()
}

/** The SHA-256 that the client announces. Empty: none, whether or not there is a header. */
function digestOf({ headers }: FastifyRequest): string {
  return String(headers['entrepot-content-sha256'] ?? '')
}

/**
 * An empty header counts as none. An answer tells of a file, and one with its upload link at that: keys that reach other
 * projects have slots of their own, and so has each subject whose key may not read.
 */
function slotOf({ headers, caller }: FastifyRequest, operation: string): AnswerSlot | undefined {
  const key = headers['idempotency-key']
  if (!key) return undefined
  const { organizationId, projectIds, subject } = caller
  const by = hasScope(caller, 'files:read') ? '' : ` by ${subject.type} ${subject.id}`
  return { organizationId, operation: `${operation} in ${projectIds.join(' ')}${by}`, key: String(key) }
}
