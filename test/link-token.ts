import assert from 'node:assert/strict'

/** The token of a link of ours, whatever name follows it. */
export function linkToken(link: string): string {
  const [, token] = /\/transfer\/([\w-]{84})(?:\/|$)/.exec(link) ?? []
  return token ?? assert.fail(`no link of ours: ${link}`)
}

/** The link with another token, and the same name after it. */
export function withToken(link: string, change: (token: string) => string): string {
  const token = linkToken(link)
  return link.replace(token, change(token))
}
