/** What a key may do. A key with no scopes has them all. */
export const scopes = ['files:create', 'files:read', 'files:update', 'files:delete'] as const
export type Scope = (typeof scopes)[number]

export function isScope(text: string): text is Scope {
  return (scopes as readonly string[]).includes(text)
}
