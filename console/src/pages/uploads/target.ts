import { computed, signal } from '@preact/signals'
import type { Named } from '../../api/bodies.ts'
import { setQuery } from '../../router.ts'
import { me, project } from '../../session.ts'

const KEY = `entrepot target ${new URL(document.baseURI).pathname}`

/** The project that was chosen last, by its id. */
const kept = signal(read())

/** Where uploads go: the project that the address names, else the one chosen last, else the first. Undefined: there is none. */
export const targetProject = computed<Named | undefined>(() => {
  const projects = me.value?.projects ?? []
  const named = projects.find(({ id, slug }) => id === project.value || slug === project.value)
  return named ?? projects.find(({ id }) => id === kept.value) ?? projects[0]
})

export function chooseTarget(id: string): void {
  kept.value = id
  try {
    localStorage.setItem(KEY, id)
  } catch {
    // The browser gives pages no storage: it is kept as long as the page.
  }
  const chosen = me.value?.projects.find((each) => each.id === id)
  if (chosen !== undefined && project.value !== '*') setQuery({ project: chosen.slug })
}

function read(): string | undefined {
  try {
    return localStorage.getItem(KEY) ?? undefined
  } catch {
    return undefined
  }
}
