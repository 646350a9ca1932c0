import type { Claim, RequestHead } from '../../http/addressee.ts'
import { pathOf } from '../../http/routing.ts'

/** Of this vendor's clients alone. */
const MARKS = ['x-goog-api-key', 'x-goog-api-client', 'x-goog-upload-command', 'x-goog-upload-protocol']

/** Its paths but `/v1/files` are nobody else's; there its headers tell, or the key in the query. */
export function claimed({ url, headers }: RequestHead): Claim | undefined {
  const path = pathOf(url)
  const isOwnPath = !/^\/v1\/files(\/[^:]*)?$/.test(path)
  const isMarked = MARKS.some((name) => headers[name] !== undefined)
  return isOwnPath || isMarked || /[?&]key=/.test(url.slice(path.length)) ? 'surely' : undefined
}
