import type { Fidelity, Role, Scope } from './access/keys.ts'

/** Who acts: a user, or the project that its key belongs to. */
export interface Subject {
  readonly type: 'user' | 'project'
  readonly id: string
}

/** An authenticated request's identity. Everything that a use case may ask about the one who calls. */
export interface Caller {
  /** Null: it has a session that stands for no key. */
  readonly keyId: string | null
  readonly organizationId: string
  /** At least one; the first is the default. */
  readonly projectIds: readonly string[]
  readonly subject: Subject
  readonly role: Role
  /** Empty means all. */
  readonly scopes: readonly Scope[]
  readonly fidelity: Fidelity
  /** The API that the request speaks. Nothing here interprets the name. */
  readonly surface?: string | undefined
  /** By which it came, if it did not bring a key. */
  readonly session?: CallerSession
}

export interface CallerSession {
  /** See `sessionId`. */
  readonly id: string
  readonly expiresAt: number
}

/** One that has a key. */
export interface KeyCaller extends Caller {
  readonly keyId: string
}
