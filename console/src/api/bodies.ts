/*
 * What `/admin/v1` answers, as docs/admin-api.md has it: times are ISO 8601, sizes are bytes, what is unknown is null.
 */

export type Role = 'viewer' | 'member' | 'admin' | 'operator'

export interface Named {
  readonly id: string
  readonly slug: string
}

/** Who calls. */
export interface Me {
  readonly session: { readonly id: string; readonly expiresAt: string } | null
  readonly key: { readonly id: string; readonly name: string } | null
  readonly user: string | null
  readonly role: Role
  readonly scopes: readonly string[]
  readonly organization: Named
  readonly projects: readonly Named[]
  /** Where clients find the server, without a slash at its end. */
  readonly publicUrl: string
  readonly version: string
}

/** How one can sign in besides with a key. */
export interface SignInWays {
  /** `path` is below the address of the server. */
  readonly oidc: { readonly label: string; readonly path: string } | null
}

export interface SessionBody {
  readonly id: string
  readonly user: string | null
  /** Null: it stands for no key. */
  readonly key: { readonly id: string; readonly name: string } | null
  readonly startedAt: string | null
  /** Up to five minutes old. */
  readonly lastSeenAt: string | null
  readonly expiresAt: string
  readonly userAgent: string | null
  /** Whether this page has it. */
  readonly isCurrent: boolean
}

/** The rule that the end of a file follows. */
export interface ExpiryRule {
  readonly policy: 'never' | 'at' | 'since_created' | 'since_last_active'
  readonly days: number | null
}

export interface FileBody {
  readonly id: string
  readonly project: Named
  readonly name: string
  readonly state: 'stored' | 'pending'
  readonly sizeBytes: number
  readonly mimeType: string
  readonly sha256: string | null
  readonly md5: string | null
  readonly purpose: string | null
  readonly labels: Readonly<Record<string, string>>
  readonly description: string | null
  readonly externalId: string | null
  readonly visibility: 'project' | 'subject'
  readonly createdAt: string
  readonly updatedAt: string
  readonly storedAt: string | null
  readonly lastActiveAt: string
  readonly expiresAt: string | null
  readonly expiry: ExpiryRule
  readonly createdBy: string
  /** Through which API it came. */
  readonly dialect: string | null
}

/** An upload under way. */
export interface UploadBody extends FileBody {
  /** Null while its client has not told. */
  readonly announcedBytes: number | null
  readonly receivedBytes: number
  readonly uploadExpiresAt: string | null
}

/** One page of a list. `next` goes into `after`; null: this is the last page. */
export type Page<Noun extends string, Body> = { readonly [N in Noun]: readonly Body[] } & {
  readonly next: string | null
}

/** An error as RFC 9457 has it. */
export interface Problem {
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly field?: string
  readonly requestId: string
}
