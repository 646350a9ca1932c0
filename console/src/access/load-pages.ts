import type { Page } from '../api/bodies.ts'
import { api, type RequestOptions } from '../api/client.ts'

export interface LoadedPages<Body> {
  readonly items: readonly Body[]
  readonly hasMore: boolean
}

/** The first pages of a list, one after the other. */
export async function loadPages<Body>(
  noun: string,
  pages: number,
  { query, signal }: RequestOptions,
): Promise<LoadedPages<Body>> {
  const items: Body[] = []
  let after: string | undefined
  for (let page = 0; page < pages; page++) {
    const asked = { query: { ...query, after }, ...(signal === undefined ? {} : { signal }) }
    const found = await api.get<Page<string, Body>>(noun, asked)
    items.push(...((found[noun] ?? []) as readonly Body[]))
    if (found.next === null) return { items, hasMore: false }
    after = found.next
  }
  return { items, hasMore: true }
}
