import { Type } from 'typebox'
import type { ServiceError } from '../core/errors.ts'
import { type ErrorAnswer, errorHeaders, ownStatusOf, phraseOf, toldCodeOf } from '../http/errors.ts'

export const PROBLEM_TYPE = 'application/problem+json'

/**
 * An error as RFC 9457 has it. `type` is always `about:blank`, so `title` is the name of the status; `code` tells errors of one
 * status apart.
 */
export function toAdminErrorAnswer(error: ServiceError, requestId: string): ErrorAnswer {
  const status = ownStatusOf(error)
  return {
    status,
    headers: { ...errorHeaders(error), 'cache-control': 'no-store' },
    type: PROBLEM_TYPE,
    body: {
      type: 'about:blank',
      title: phraseOf(status),
      status,
      detail: error.message,
      code: toldCodeOf(error),
      ...(error.field === undefined ? {} : { field: error.field }),
      requestId,
    },
  }
}

/** The body of `toAdminErrorAnswer`, for the documentation. */
export const ProblemBody = Type.Object({
  type: Type.Literal('about:blank'),
  title: Type.String({ description: 'The name of the status.' }),
  status: Type.Integer(),
  detail: Type.String({ description: 'A sentence for the person who made the request.' }),
  code: Type.String({ description: 'Which error it is, for programs.' }),
  field: Type.Optional(Type.String({ description: 'The field, parameter or header at fault.' })),
  requestId: Type.String({ description: 'Also in `x-request-id`; the log has it.' }),
})
