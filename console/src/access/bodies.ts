import type { Named, Role } from '../api/bodies.ts'

/*
 * Organizations, projects, keys and quotas, as docs/admin-api.md has them.
 */

export const SCOPES = ['files:create', 'files:read', 'files:update', 'files:delete'] as const
export type Scope = (typeof SCOPES)[number]

/** Null: no bound. */
export interface Bounds {
  readonly files: number | null
  readonly bytes: number | null
}

/** What has a quota. */
export interface Held {
  readonly id: string
  readonly slug: string
  readonly quota: Bounds
  readonly usage: { readonly files: number; readonly bytes: number }
}

export interface OrganizationBody extends Held {
  readonly createdAt: string
  /** How many there are. */
  readonly projects: number
}

export interface ProjectBody extends Held {
  readonly organization: Named
  readonly createdAt: string
}

export interface KeyBody {
  readonly id: string
  readonly name: string
  readonly organization: Named
  readonly projects: readonly Named[]
  readonly user: string | null
  readonly role: Role
  /** Empty: all. */
  readonly scopes: readonly Scope[]
  readonly fidelity: 'open' | 'strict' | null
  readonly createdAt: string
  readonly expiresAt: string | null
  readonly revokedAt: string | null
}

/** The answer to a new key, the only one that has its secret. */
export interface MadeKey {
  readonly key: KeyBody
  readonly secret: string
}
