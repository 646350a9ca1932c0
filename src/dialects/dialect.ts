import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { ErrorCode, ServiceError } from '../core/errors.ts'
import type { Services } from '../core/services.ts'
import type { ErrorAnswer } from '../http/errors.ts'

/**
 * One vendor's API. Its routes are served below `/<name>` and, where no other dialect claims the request, on the very
 * paths that the vendor prints.
 */
export interface Dialect {
  /** Lower case; the prefix of its paths and its name in settings. */
  readonly name: string
  /** As the vendor writes it. */
  readonly title: string
  /** Headers that each request carries besides the key; told in the documentation. */
  readonly headers?: readonly string[]
  /** Schemes of `Authorization` that take a key, besides `Bearer`; told in the documentation. */
  readonly keySchemes?: readonly string[]
  /** Name of the cookie that stands in for the key, if there is one; told in the documentation. */
  readonly cookie?: string
  /** What each operation with a key may refuse, besides what all dialects do; told in the documentation. */
  readonly failures?: readonly ErrorCode[]
  /** Whether a request on a path that several dialects share is surely this dialect's. */
  readonly claims: (headers: IncomingHttpHeaders) => boolean
  /** Whether a path that ends in a slash means the one without it; undefined: never. */
  readonly ignoresLastSlash?: (method: string, path: string) => boolean
  /** Beginnings of the vendor's paths: an unknown address below them answers in this dialect's form. */
  readonly rootPaths: readonly string[]
  /** Adds hooks and routes to a server of its own (Fastify encapsulates them). */
  readonly http: (server: FastifyInstance, services: Services) => void | Promise<void>
  readonly toErrorAnswer: (error: ServiceError, requestId: string) => ErrorAnswer
  /** JSON Schema of the bodies that `toErrorAnswer` makes; told in the documentation. */
  readonly errorBody: object
}
