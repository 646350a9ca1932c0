import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import {
  type ErrorCode,
  type ErrorKind,
  ServiceError,
  StoreError,
  type StoreErrorCode,
} from '../core/errors.ts'
import { spreadRetry } from '../core/limits/retry-queue.ts'

const { STATUS_CODES } = process.getBuiltinModule('node:http')

/** An error as it goes over the wire. */
export interface ErrorAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** JSON, as an object. */
  readonly body: unknown
  /** Its media type; default: `application/json`. */
  readonly type?: string
}

export const JSON_TYPE = 'application/json; charset=utf-8'

export function sendErrorAnswer(
  reply: FastifyReply,
  { status, headers, body, type = JSON_TYPE }: ErrorAnswer,
): FastifyReply {
  return reply.code(status).headers(headers).type(type).send(body)
}

/** Sends the answer without the framework. */
export function writeErrorAnswer(
  response: ServerResponse,
  { status, headers, body, type = JSON_TYPE }: ErrorAnswer,
): void {
  const text = JSON.stringify(body)
  const about = { 'content-type': type, 'content-length': Buffer.byteLength(text) }
  response.writeHead(status, { ...headers, ...about }).end(text)
}

/** @param final a retry cannot help; SDKs made by Stainless obey `x-should-retry` */
export function errorHeaders(
  { kind, retryAfterSeconds }: ServiceError,
  final = false,
): ErrorAnswer['headers'] {
  return {
    ...(final ? { 'x-should-retry': 'false' } : {}),
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    ...(kind === 'unauthenticated' ? { 'www-authenticate': 'Bearer' } : {}),
  }
}

/** The statuses of our own surfaces. A dialect has its vendor's table instead. */
const statuses = {
  invalid: 400,
  rejected: 422,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'too-large': 413,
  unsupported: 415,
  limited: 429,
  exhausted: 402,
  full: 507,
  unavailable: 503,
  timeout: 504,
  internal: 500,
} as const satisfies Record<ErrorKind, number>

const ownStatuses: Readonly<Partial<Record<ErrorCode, number>>> = {
  'method-not-allowed': 405,
  'transfer-coding-unsupported': 501,
  'expectation-unsupported': 417,
  'bytes-already-stored': 412,
  'precondition-failed': 412,
  'body-too-slow': 408,
  'range-unsatisfiable': 416,
}

/** As our own surfaces answer it. */
export function ownStatusOf({ code, kind }: Pick<ServiceError, 'code' | 'kind'>): number {
  return ownStatuses[code] ?? statuses[kind]
}

/** The code as it is told. */
export function toldCodeOf({ code }: Pick<ServiceError, 'code'>): string {
  return code.replaceAll('-', '_')
}

/** The name of a status (RFC 9110, 15). */
export function phraseOf(status: number): string | undefined {
  return phrases[status]
}

/** Node has older names of these than RFC 9110. */
const phrases: Readonly<Partial<Record<number, string>>> = {
  ...STATUS_CODES,
  413: 'Content Too Large',
  422: 'Unprocessable Content',
  // Of tus alone.
  460: 'Checksum Mismatch',
}

/** Ends the message for an unknown path outside of the dialects, such as the address of the server itself. */
const WAYS_IN =
  'The APIs are described at /docs. The base URL of an SDK is the address of this server, and /v1 follows it where the vendor’s own ends so (README.md).'

/** `{"error":{"type","message","code"}}`: the name of the status, and our own code, with underscores. */
export function toPlainErrorAnswer(error: ServiceError): ErrorAnswer {
  return plainErrorAnswer(error, {})
}

/** @param otherStatuses of a protocol that has its own for some codes */
export function plainErrorAnswer(
  error: ServiceError,
  otherStatuses: Readonly<Partial<Record<ErrorCode, number>>>,
): ErrorAnswer {
  const { code, message: text } = error
  const status = otherStatuses[code] ?? ownStatusOf(error)
  const type = phraseOf(status)?.toLowerCase().replaceAll(' ', '_')
  const message = code === 'route-unknown' ? `${text} ${WAYS_IN}` : text
  return {
    status,
    headers: errorHeaders(error),
    body: { error: { type, message, code: toldCodeOf(error) } },
  }
}

/** The body of `toPlainErrorAnswer`, for the documentation. */
export const plainErrorSchema = Type.Object({
  error: Type.Object({ type: Type.String(), message: Type.String(), code: Type.String() }),
})

type Told = readonly [code: ErrorCode, message: string]

const unknownRoute: Told = ['route-unknown', 'There is nothing at this address.']
const bodyEnded: Told = ['body-incomplete', 'The request ended before its body did.']
const unexpected: Told = ['internal', 'Unexpected error.']

/** Retries are short where a store may be back soon, and longer during a move. */
const storeErrors: Readonly<Record<StoreErrorCode, readonly [...Told, leastRetrySeconds?: number]>> = {
  missing: ['bytes-lost', 'The bytes of this file could not be read.'],
  full: ['storage-full', 'There is no space left.'],
  unavailable: ['storage-unavailable', 'Storage is not available.', 2],
  timeout: ['storage-timeout', 'Storage did not answer in time.', 2],
  'read-only': [
    'storage-unavailable',
    'Storage is being moved: files can be read, but not changed, for a while.',
    10,
  ],
  // Use cases retry most conflicts. This one lost a lease, because others took this server for dead. Nothing was written, and
  // the same request can succeed.
  conflict: ['storage-unavailable', 'The request could not be completed; try again.', 1],
  refused: unexpected,
}

/** Errors of Fastify (fastify.dev, "Errors") and, by the status that they propose, of libraries. */
const libraryErrors: Readonly<Record<string | number, Told>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: ['body-not-json', 'The body is not valid JSON.'],
  FST_ERR_BAD_URL: unknownRoute,
  FST_ERR_MAX_PARAM_LENGTH: unknownRoute,
  404: unknownRoute,
  413: ['body-too-large', 'The body is too large.'],
  415: ['body-type-unsupported', 'Send Content-Type: application/json.'],
  416: ['range-unsatisfiable', 'The range is outside of what there is.'],
}

/** What a caller may be told of anything that was thrown. The original is the cause, for the log. */
export function toServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  if (!(error instanceof StoreError)) return new ServiceError(...toldOf(error), { cause: error })
  const [code, message, leastSeconds] = storeErrors[error.code]
  const retry = leastSeconds === undefined ? {} : { retryAfterSeconds: spreadRetry(leastSeconds) }
  return new ServiceError(code, message, { cause: error, ...retry })
}

function toldOf(error: unknown): Told {
  const { code = '', statusCode = 500 } = (error ?? {}) as { code?: string; statusCode?: number }
  // Node's error for a client that left in the middle of a body.
  if (code === 'ECONNRESET' && error instanceof Error && error.message === 'aborted') return bodyEnded
  const isTheirs = statusCode >= 400 && statusCode < 500
  const known = libraryErrors[code] ?? (isTheirs ? libraryErrors[statusCode] : undefined)
  return known ?? (isTheirs ? ['request-malformed', 'The request is malformed.'] : unexpected)
}

export function routeUnknown(): ServiceError {
  return new ServiceError(...unknownRoute)
}

/**
 * The message of a full store, for a warning in the log: operators expect it and know the remedy.
 * @returns undefined for all other errors
 */
export function shortageOf({ kind, message, cause }: ServiceError): string | undefined {
  if (kind !== 'full') return undefined
  return cause instanceof StoreError ? cause.message : message
}

/** Whether the fault is ours: logged as an error, with its cause. */
export function isFault({ kind, code }: ServiceError): boolean {
  if (code === 'upload-fragmented' || code === 'server-stopping') return false
  return kind === 'internal' || kind === 'unavailable' || kind === 'timeout'
}
