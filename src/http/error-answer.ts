import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { FastifyReply } from 'fastify'
import { type ErrorCode, ServiceError } from '../core/errors.ts'

/** An error as it goes over the wire. */
export interface ErrorAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** JSON, as an object. */
  readonly body: unknown
}

export function sendErrorAnswer(reply: FastifyReply, { status, headers, body }: ErrorAnswer): FastifyReply {
  return reply.code(status).headers(headers).type('application/json; charset=utf-8').send(body)
}

/** The same where the framework is not, or no longer, there to send it. */
export function writeErrorAnswer(response: ServerResponse, { status, headers, body }: ErrorAnswer): void {
  const text = JSON.stringify(body)
  const about = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  }
  response.writeHead(status, { ...headers, ...about }).end(text)
}

/** The plain meaning of each error in HTTP, for surfaces of our own; a dialect has its vendor's table instead. */
const statuses = {
  'route-unknown': 404,
  'base-url-wrong': 404,
  'tls-required': 400,
  'method-not-allowed': 405,
  'request-malformed': 400,
  'transfer-coding-unsupported': 501,
  'expectation-unsupported': 417,
  'body-not-json': 400,
  'body-type-unsupported': 415,
  'body-too-large': 413,
  'field-missing': 400,
  'field-unknown': 400,
  'field-invalid': 400,
  'version-invalid': 400,
  unauthenticated: 401,
  'scope-missing': 403,
  'role-missing': 403,
  'user-missing': 403,
  'project-forbidden': 403,
  'origin-forbidden': 403,
  'operation-off': 403,
  'rate-limited': 429,
  'quota-exceeded': 402,
  'rule-violated': 422,
  'file-not-found': 404,
  'state-conflict': 409,
  'bytes-missing': 422,
  'size-mismatch': 422,
  'checksum-mismatch': 422,
  'idempotency-key-invalid': 400,
  'idempotency-running': 409,
  'link-invalid': 403,
  'bytes-already-stored': 412,
  'precondition-failed': 412,
  'length-mismatch': 400,
  'digest-mismatch': 400,
  'bytes-too-many': 413,
  'body-incomplete': 400,
  'body-too-slow': 408,
  'range-unsatisfiable': 416,
  'storage-full': 507,
  'storage-unavailable': 503,
  'storage-timeout': 504,
  'bytes-lost': 500,
  internal: 500,
} as const satisfies Record<ErrorCode, number>

/** Node has older names of these than RFC 9110. */
const phrases: Readonly<Partial<Record<number, string>>> = {
  ...STATUS_CODES,
  413: 'Content Too Large',
  422: 'Unprocessable Content',
}

/** For whoever opens the address of the server itself, or misses a path. Dialects answer unknown paths as their vendors do. */
const WAYS_IN =
  'The APIs are described at /docs; the base URL of an SDK is the address of this server without the path of an API (README.md).'

/** `{"error":{"type","message","code"}}`: the name of the status, and our own code, with underscores. */
export function toPlainErrorAnswer(error: ServiceError): ErrorAnswer {
  const { code, retryAfterSeconds } = error
  const status = statuses[code]
  return {
    status,
    headers: retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) },
    body: plainErrorBody(status, error),
  }
}

function plainErrorBody(status: number, { code, message: text }: ServiceError): unknown {
  const type = phrases[status]?.toLowerCase().replaceAll(' ', '_')
  const message = code === 'route-unknown' ? `${text} ${WAYS_IN}` : text
  return { error: { type, message, code: code.replaceAll('-', '_') } }
}

export function routeUnknown(): ServiceError {
  return new ServiceError('route-unknown', 'There is nothing at this address.')
}

/** @param offered the methods that the address takes, at least one */
export function methodNotAllowed(offered: readonly string[]): ServiceError {
  return new ServiceError('method-not-allowed', `This address takes ${offered.join(', ')}.`)
}
