import type { FastifyContextConfig, FastifySchema } from 'fastify'
import type { ErrorCode } from '../core/errors.ts'
import type { Access } from './guard.ts'

/** Format of an id in a request, which may be in any dialect's form; documents show the pattern in its place. */
export const FILE_ID_FORMAT = 'file-id'

/** One operation of an API. Its schemas are for the documentation: they judge no request and print no answer. */
export interface Operation extends FastifySchema {
  readonly access: Access
  /** What it refuses, beyond what follows from its access, its method and its dialect. */
  readonly failures?: readonly ErrorCode[]
}

/** The options of the operation's route. `operationId` and `summary` are the vendor's. */
export function operation(
  tag: string,
  operationId: string,
  summary: string,
  { access, failures = [], ...schemas }: Operation,
): { readonly config: FastifyContextConfig } {
  return { config: { access, failures, described: { tags: [tag], operationId, summary, ...schemas } } }
}

const bytes = { '*/*': { schema: { type: 'string', format: 'binary' } } }

/** What an operation answers that sends a file by `sendFile`. */
export const downloadAnswers = {
  200: { description: 'The bytes of the file.', content: bytes },
  206: { description: 'One range of them, if the request asks for one.', content: bytes },
  304: { type: 'null', description: 'The copy that the conditions tell of is fresh.' },
  412: { type: 'null', description: 'The conditions do not hold.' },
} as const
