import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { ServiceError } from '../core/errors.ts'
import { type ErrorAnswer, toPlainErrorAnswer } from './errors.ts'
import { pathOf } from './routing.ts'

/** What tells whose a request is. Of a preflight (Fetch, "CORS-preflight request"), what tells it of the request that follows. */
export interface RequestHead {
  /** Of a preflight, the one that it asks for. */
  readonly method: string
  /** Path and query. */
  readonly url: string
  /** Of a preflight, besides its own, those that it asks for, with empty values. */
  readonly headers: IncomingHttpHeaders
}

/** `surely`: no client of another dialect sends such a request. `likely`: it is this dialect's unless another is sure. */
export type Claim = 'surely' | 'likely'

/** What a dialect says of the requests that are its own. */
export interface Addressee {
  /** The first segment of the paths that are surely its own. */
  readonly name: string
  /** Beginnings of paths that it may share with others. */
  readonly rootPaths: readonly string[]
  /** Asked of requests on these paths. Runs on every such request. */
  claims?(request: RequestHead): Claim | undefined
  ignoresLastSlash?(method: string, path: string): boolean
  toErrorAnswer(error: ServiceError, requestId: string): ErrorAnswer
}

/** What a request that broke before its path was known is taken for: most clients ask below it. */
const LIKELY_PATH = '/v1/'

/** A request as far as it is known. */
export type Addressed = Pick<IncomingMessage, 'method' | 'url' | 'headers'>

/**
 * Finds the dialect of a request by its path: below `/<name>` it is that dialect; on a vendor's own path the first that
 * claims it surely, else the first that claims it likely, else the last of those that share the path.
 */
export function routeByDialect(dialects: readonly Addressee[]) {
  const dialectOf = (request: Addressed): Addressee | undefined => {
    const { url = '' } = request
    for (const dialect of dialects) {
      const { name } = dialect
      if (url.startsWith(name, 1) && url[name.length + 1] === '/') return dialect
    }
    let head: RequestHead | undefined
    let likely: Addressee | undefined
    let last: Addressee | undefined
    for (const dialect of dialects) {
      if (!dialect.rootPaths.some((root) => url.startsWith(root))) continue
      head ??= headOf(request)
      const claim = dialect.claims?.(head)
      if (claim === 'surely') return dialect
      if (claim === 'likely') likely ??= dialect
      last = dialect
    }
    return likely ?? last
  }
  return {
    nameOf: (request: Addressed) => dialectOf(request)?.name ?? '',
    ignoresLastSlash: ({ method = '', headers }: IncomingMessage, target: string) =>
      dialectOf({ method, url: target, headers })?.ignoresLastSlash?.(method, pathOf(target)) ?? false,
    /** In whose form an error is told: that of the dialect whose path it is, else our own. */
    answererOf: ({ method, url = LIKELY_PATH, headers }: Addressed) =>
      dialectOf({ method, url, headers })?.toErrorAnswer ?? toPlainErrorAnswer,
  }
}

function headOf({ method = '', url = '', headers }: Addressed): RequestHead {
  const asked = method === 'OPTIONS' ? headers['access-control-request-method'] : undefined
  if (asked === undefined) return { method, url, headers }
  const names = headers['access-control-request-headers']?.toLowerCase().split(',') ?? []
  const announced = Object.fromEntries(names.map((name) => [name.trim(), '']))
  return { method: asked, url, headers: { ...announced, ...headers } }
}
