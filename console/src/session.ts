import { batch, computed, effect, signal } from '@preact/signals'
import type { Me, Role } from './api/bodies.ts'
import { ApiError, api, onSignedOut } from './api/client.ts'
import { reloadAll } from './api/resource.ts'
import { go, place, withQuery } from './router.ts'

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

/** Whether the session ended while somebody was at work. Their page stays as it is, for after the next sign-in. */
export const hasEnded = signal(false)

/** @throws ApiError where the key is not good */
export async function signIn(key: string): Promise<void> {
  const before = me.value
  const after = await api.post<Me>('sessions', { key })
  if (!hasEnded.value) {
    me.value = after
    return leaveSignIn()
  }
  // What stands on the page is for whom it was loaded.
  if (whoIs(before) !== whoIs(after)) return location.reload()
  me.value = after
  hasEnded.value = false
  reloadAll()
}

function whoIs(someone: Me | null | undefined): string {
  return JSON.stringify([holderOf(someone), someone?.projects.map(({ id }) => id)])
}

function holderOf(someone: Me | null | undefined): string {
  const { user, key, role, organization } = someone ?? {}
  return JSON.stringify([user ?? key?.id, role, organization?.id])
}

/** Where one is, below `/console/`, to come back to. */
export function here(): string {
  const { path, query } = place.value
  return path === SIGN_IN ? (query.get('return') ?? '') : withQuery(path, query)
}

/** Back to where one was, which is always a page of the console. */
export function leaveSignIn(): void {
  const target = here()
  go(/^(?![./]|.*:)/.test(target) ? target : '', { replace: true })
}

export async function signOut(): Promise<void> {
  await api.delete('sessions/current')
  batch(() => {
    me.value = null
    hasEnded.value = false
    go(SIGN_IN)
  })
}

onSignedOut(() => {
  if (me.value) hasEnded.value = true
  else me.value = null
})

/** Nobody who comes is signed in, also by the browser's way back: they are led to the sign-in, and from there back. */
effect(() => {
  if (me.value !== null || place.value.path === SIGN_IN) return
  const from = here()
  go(from === '' ? SIGN_IN : `${SIGN_IN}?${new URLSearchParams({ return: from })}`, { replace: true })
})

/** Pages in other tabs, which have the same cookie. */
const otherPages = new BroadcastChannel(`entrepot session ${new URL(document.baseURI).pathname}`)

effect(() => {
  if (me.value) otherPages.postMessage(holderOf(me.value))
})

otherPages.addEventListener('message', ({ data }) => {
  if (!me.value) return
  // Somebody else has signed in there: what stands on this page is not theirs.
  if (data !== holderOf(me.value)) return location.reload()
  if (!hasEnded.value) return
  hasEnded.value = false
  reloadAll()
})
