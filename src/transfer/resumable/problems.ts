import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorCode, ServiceError } from '../../core/errors.ts'
import { parseInteger } from './structured-fields.ts'

const TYPE = 'application/problem+json'
const REGISTRY = 'https://iana.org/assignments/http-problem-types#'

interface Problem {
  readonly status: number
  readonly type: string
  readonly title: string
}

const inconsistentLength: Problem = {
  status: 400,
  type: `${REGISTRY}inconsistent-upload-length`,
  title: 'Inconsistent Upload Length Values',
}

const mismatchedDigest: Problem = {
  status: 400,
  type: `${REGISTRY}digest-mismatched-values`,
  title: 'Mismatched Digest Values',
}

/**
 * "Problem Types" of the draft, and the one for digests of draft-ietf-httpapi-digest-fields-problem-types. Other errors are told as
 * on all links.
 */
const problems: Readonly<Partial<Record<ErrorCode, Problem>>> = {
  'offset-mismatch': {
    status: 409,
    type: `${REGISTRY}mismatching-upload-offset`,
    title: 'Mismatching Upload Offset',
  },
  'length-mismatch': inconsistentLength,
  'size-mismatch': inconsistentLength,
  'digest-mismatch': mismatchedDigest,
  'checksum-mismatch': mismatchedDigest,
}

/** Why a request that speaks the draft is refused. */
export class DraftRefusal extends Error {
  readonly refused: ServiceError

  constructor(refused: ServiceError) {
    super(refused.message, { cause: refused })
    this.refused = refused
  }
}

/**
 * Answers a refusal with the problem that it is (RFC 9457). Of one that is none the error is thrown, with its headers set; so is
 * any other error. An error handler, because a hook that answers cannot keep the handler from running where the client is gone.
 */
export function answerRefusal(
  refusal: unknown,
  { headers }: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (!(refusal instanceof DraftRefusal)) throw refusal
  const error = refusal.refused
  const provided = headers['upload-offset']
  // Not the result of processing the upload.
  reply.header('upload-complete', '?0')
  const problem = problems[error.code]
  if (problem === undefined) throw error
  const { offset } = error
  if (offset !== undefined) reply.header('upload-offset', offset)
  const offsets =
    offset === undefined
      ? {}
      : { 'expected-offset': offset, 'provided-offset': parseInteger(String(provided ?? 0)) }
  const body = { ...problem, detail: error.message, ...offsets }
  // Fastify adds a charset to JSON, which the type does not have.
  return reply
    .code(problem.status)
    .header('content-type', TYPE)
    .send(Buffer.from(JSON.stringify(body)))
}
