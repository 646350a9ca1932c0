import type { ApiKey, Role, Scope } from '../access/keys.ts'

/** What a browser has in place of an API key, as its row tells. */
export interface Session {
  /** SHA-256 of the cookie's value, lower-case hex. */
  readonly hash: string
  /** Null: a server of an older release started it. */
  readonly startedAt: number | null
  /** Written rarely. Null: not since it was started. */
  readonly lastSeenAt: number | null
  readonly expiresAt: number
  readonly userAgent: string | null
}

/** May do what a key may. */
export interface KeySession extends Session {
  readonly keyId: string
}

/** What somebody may do who has no key. */
export interface Grant {
  readonly organizationId: string
  /** At least one; the first is the default. */
  readonly projectIds: readonly string[]
  readonly userId: string
  readonly role: Role
  /** Empty means all. */
  readonly scopes: readonly Scope[]
}

/** May do what was granted when it started. */
export interface GrantSession extends Session, Grant {}

/** A session and what it stands for. */
export type FoundSession = Session &
  ({ readonly key: ApiKey; readonly grant: null } | { readonly key: null; readonly grant: Grant })

export interface SessionFilter {
  readonly organizationId: string
  readonly now: number
  /** Only those of one user, whether of a key or of a grant; or only those of one key. */
  readonly holder?: { readonly userId: string } | { readonly keyId: string }
}

export interface SessionPage {
  /** The last one of the page before. */
  readonly after?: Pick<Session, 'expiresAt' | 'hash'> | undefined
  readonly limit: number
}
