import type { Claim, RequestHead } from '../../http/addressee.ts'
import { pathOf } from '../../http/routing.ts'

/** Of this vendor's clients alone. */
const MARKS = ['x-goog-api-key', 'x-goog-api-client', 'x-goog-upload-command', 'x-goog-upload-protocol']

/** What of `/v1` no other vendor has: uploads, and verbs behind a colon. */
const OWN_PATH = /^\/v1\/(upload\/|files(\/[^/]*)?:)/

/** Its other versions and its uploads are nobody else's; on `/v1` its headers tell, or the key in the query. */
export function claimed({ url, headers }: RequestHead): Claim | undefined {
  const path = pathOf(url)
  const isOwnPath = !path.startsWith('/v1/') || OWN_PATH.test(path)
  const isMarked = MARKS.some((name) => headers[name] !== undefined)
  return isOwnPath || isMarked || /[?&]key=/.test(url.slice(path.length)) ? 'surely' : undefined
}
