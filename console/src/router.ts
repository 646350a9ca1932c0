import { computed, signal } from '@preact/signals'

/** Where one is: the path below `/console/` without slashes around it (`files/0190e0c4-…`), and the query. */
export interface Place {
  readonly path: string
  readonly query: URLSearchParams
}

/** What the address is relative to: `/console/`, behind whatever prefix. The document's `<base>` does not move. */
const base = new URL(document.baseURI)

const current = signal<Place>(placeOf(location.href))

/** The place that the address names. */
export const place = computed(() => current.value)

function placeOf(href: string): Place {
  const { pathname, searchParams } = new URL(href)
  const path = pathname.startsWith(base.pathname) ? pathname.slice(base.pathname.length) : ''
  return { path: path.replace(/\/$/, ''), query: searchParams }
}

/** Goes to a page of the console, by its path and query: `files/0190e0c4-…?project=default`. */
export function go(target: string, { replace = false } = {}): void {
  const { href } = new URL(target || './', base)
  if (href === location.href) return
  history[replace ? 'replaceState' : 'pushState'](null, '', href)
  const from = current.value.path
  current.value = placeOf(href)
  if (from !== current.value.path) scrollTo(0, 0)
}

/** Changes parameters of the query; null or an empty text takes one away. The entry of the history is replaced. */
export function setQuery(changes: Readonly<Record<string, string | null>>): void {
  const query = new URLSearchParams(current.value.query)
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value)
    else query.delete(name)
  }
  go(withQuery(current.value.path, query), { replace: true })
}

export function withQuery(path: string, query: URLSearchParams): string {
  return query.size === 0 ? path : `${path}?${query}`
}

/** Lets links below `/console/` change the page without loading the document anew. */
export function startRouter(): void {
  addEventListener('popstate', () => {
    current.value = placeOf(location.href)
  })
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a') : null
    if (link === null || event.defaultPrevented || event.button !== 0) return
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const isOurs = link.origin === base.origin && link.pathname.startsWith(base.pathname)
    if (!isOurs || link.target !== '' || link.hasAttribute('download')) return
    event.preventDefault()
    go(link.href)
  })
}
