import { computed, signal } from '@preact/signals'
import type { Me, Role } from './api/bodies.ts'
import { ApiError, api, onSignedOut } from './api/client.ts'
import { go, place } from './router.ts'

const RANKS: Readonly<Record<Role, number>> = { viewer: 0, member: 1, admin: 2, operator: 3 }
export const SIGN_IN = 'sign-in'

/** Who is signed in; null: nobody, undefined: not known yet. */
export const me = signal<Me | null | undefined>(undefined)

/** Why it could not be found out who is signed in. */
export const meError = signal<unknown>(undefined)

/** Whether the caller's role is at least this one. */
export function hasRole(role: Role): boolean {
  return me.value != null && RANKS[me.value.role] >= RANKS[role]
}

/** Whether the caller may change files: viewers read. What a scope forbids besides is told by the server. */
export const mayChange = computed(() => hasRole('member'))

/** The project that the address names, by its slug or id; `*`: all that the caller may use. */
export const project = computed(() => place.value.query.get('project') || '*')

/** Where new things go: the chosen project, else the first one. */
export const projectForNew = computed(() =>
  project.value === '*' ? (me.value?.projects[0]?.slug ?? '') : project.value,
)

/** The address of a page with the chosen project kept. */
export function pathTo(path: string): string {
  return project.value === '*' ? path || './' : `${path}?project=${encodeURIComponent(project.value)}`
}

export async function loadMe(): Promise<void> {
  meError.value = undefined
  try {
    me.value = await api.get<Me>('me')
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 401)) meError.value = error
  }
}

/** @throws ApiError where the key is not good */
export async function signIn(key: string): Promise<void> {
  me.value = await api.post<Me>('sessions', { key })
  leaveSignIn()
}

/** Back to where one was, which is always a page of the console. */
export function leaveSignIn(): void {
  const target = place.value.query.get('return') ?? ''
  go(/^(?![./]|.*:)/.test(target) ? target : '', { replace: true })
}

export async function signOut(): Promise<void> {
  await api.delete('sessions/current')
  me.value = null
  go(SIGN_IN)
}

/** A session that ended leads to the sign-in, and from there back. */
onSignedOut(() => {
  me.value = null
  const { path, query } = place.value
  if (path === SIGN_IN) return
  const from = query.size === 0 ? path : `${path}?${query}`
  go(from === '' ? SIGN_IN : `${SIGN_IN}?${new URLSearchParams({ return: from })}`, { replace: true })
})
