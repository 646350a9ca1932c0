import type { IncomingMessage } from 'node:http'
import type { ServedDialect } from '../dialects/dialect.ts'
import { toPlainErrorAnswer } from '../http/errors.ts'

type Request = Pick<IncomingMessage, 'url' | 'headers'>

/** Whose request it is, of dialects of which the first answers on shared paths that nobody claims. */
export function routeByDialect(dialects: readonly ServedDialect[]) {
  /**
   * By the path: below `/<name>` surely that dialect's; on a vendor's own path, of the dialects that share it, the one that
   * recognizes its headers, else the first.
   */
  const dialectOf = ({ url = '', headers }: Request): ServedDialect | undefined => {
    for (const dialect of dialects) {
      const { name } = dialect
      if (url.startsWith(name, 1) && url[name.length + 1] === '/') return dialect
    }
    let first: ServedDialect | undefined
    for (const dialect of dialects) {
      if (!dialect.rootPaths.some((root) => url.startsWith(root))) continue
      if (dialect.claims?.(headers)) return dialect
      first ??= dialect
    }
    return first
  }
  return {
    nameOf: (request: Request) => dialectOf(request)?.name ?? '',
    ignoresLastSlash: ({ headers, method = '' }: IncomingMessage, path: string) =>
      dialectOf({ url: path, headers })?.ignoresLastSlash?.(method, path) ?? false,
    /** In whose form an error is told: that of the dialect whose path it is, else our own. */
    answererOf: (request: Request) => dialectOf(request)?.toErrorAnswer ?? toPlainErrorAnswer,
  }
}
