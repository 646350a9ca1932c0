import type { Scope } from '../../access/bodies.ts'
import type { Role } from '../../api/bodies.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** When a key ends: never, after so many days, or at a time that is typed. */
export const lifetimes = [
  { value: '', label: 'Never' },
  { value: '7', label: 'In 7 days' },
  { value: '30', label: 'In 30 days' },
  { value: '90', label: 'In 90 days' },
  { value: '365', label: 'In a year' },
  { value: 'at', label: 'At a time…' },
] as const

/** What was typed and chosen for a new key. */
export interface KeyDraft {
  readonly name: string
  readonly role: Role
  /** Slugs; the first is where uploads go. */
  readonly projects: readonly string[]
  readonly scopes: readonly Scope[]
  /** Empty: nobody. */
  readonly user: string
  readonly fidelity: '' | 'open' | 'strict'
  readonly lifetime: (typeof lifetimes)[number]['value']
  /** As the browser's field has it, in its zone. */
  readonly endsAt: string
}

/** The body of the request. @param all the scopes that the caller has: all of them are written as none */
export function requestOf(draft: KeyDraft, organization: string | undefined, all: readonly Scope[]): object {
  const { name, role, projects, scopes, user, fidelity } = draft
  const isWhole = all.length === 4 && scopes.length === all.length
  return {
    name,
    role,
    projects,
    ...(organization === undefined ? {} : { organization }),
    ...(role === 'viewer' ? {} : { scopes: isWhole ? [] : scopes }),
    ...(user === '' ? {} : { user }),
    ...(fidelity === '' ? {} : { fidelity }),
    expiresAt: endOf(draft),
  }
}

function endOf({ lifetime, endsAt }: KeyDraft): string | null | undefined {
  if (lifetime === 'at') {
    const at = new Date(endsAt)
    return Number.isNaN(at.getTime()) ? '' : at.toISOString()
  }
  // A key that ends makes keys that end: the server then tells when.
  return lifetime === '' ? undefined : new Date(Date.now() + Number(lifetime) * DAY_MS).toISOString()
}
