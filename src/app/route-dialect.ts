import type { IncomingMessage } from 'node:http'
import type { ServedDialect } from '../dialects/dialect.ts'
import { toPlainErrorAnswer } from '../http/errors.ts'

type Request = Pick<IncomingMessage, 'url' | 'headers'>

/**
 * Whose request this is, by its path: below `/<name>` surely that dialect's; on a vendor's own path, of the dialects that
 * share it, the one that recognizes its headers, else the first. Asked for every request.
 */
export function dialectAt(
  dialects: readonly ServedDialect[],
  { url = '', headers }: Request,
): ServedDialect | undefined {
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

/** In whose form an error on this path is told: that of the dialect whose path it is, else our own. */
export function answererOf(
  dialects: readonly ServedDialect[],
  request: Request,
): ServedDialect['toErrorAnswer'] {
  return dialectAt(dialects, request)?.toErrorAnswer ?? toPlainErrorAnswer
}
