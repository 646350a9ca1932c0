import type { FileBody } from '../../api/bodies.ts'
import { ApiError, api, type RequestOptions } from '../../api/client.ts'
import { reasonOf } from '../../ui/failure.tsx'
import { toast } from '../../ui/toast.tsx'
import { FileList, type FilePage } from './file-list.ts'
import { orderOf } from './order.ts'
import { type FilesQuery, idIn, toApiQuery } from './query.ts'
import { Selection } from './selection.ts'
import { dismiss, refusals, work } from './work.ts'

/** Fills two screens, so that the first rows come soon. */
const FIRST_PAGE = 100
const PAGE = 250

/** Who leaves a view while files are deleted may look at another one by the time they are gone. */
const shown = new Set<FilesView>()

/** One query's files, and what is being done with them. */
export class FilesView {
  readonly list: FileList
  readonly selection: Selection

  constructor(query: FilesQuery) {
    this.list = new FileList({
      load: (after, signal) => loadPage(query, after, signal),
      compare: orderOf(query),
    })
    this.selection = new Selection(this.list)
  }

  replace(changed: FileBody): void {
    this.list.replace(changed)
    this.selection.replace(changed)
    dismiss([changed.id])
  }

  /** The file as it was last seen here. */
  newest(file: FileBody): FileBody {
    return this.list.at(this.list.rowOf(file.id)) ?? this.selection.files.peek().get(file.id) ?? file
  }

  /** @returns what ends it */
  show(): () => void {
    shown.add(this)
    return () => {
      shown.delete(this)
      this.list.stop()
    }
  }

  remove(ids: ReadonlySet<string>): void {
    for (const view of new Set([this, ...shown])) {
      view.list.remove(ids)
      view.selection.remove(ids)
    }
    dismiss(ids)
  }

  /** As each row's own button does. */
  dismissAll(): void {
    const gone = [...refusals.peek()].filter(([, { isGone }]) => isGone).map(([id]) => id)
    this.remove(new Set(gone))
    refusals.value = new Map()
  }

  /** Chooses all that are found, as far as so many are held. */
  async selectAll(): Promise<void> {
    if (work.peek() !== undefined) return
    const stop = new AbortController()
    work.value = { label: 'Selecting what is found', stop: () => stop.abort() }
    await this.selection.all(stop.signal)
    work.value = undefined
    const error = this.list.error.peek()
    if (error !== undefined) toast({ text: `Not all are selected. ${reasonOf(error)}`, isError: true })
  }
}

/** A text that may be an id finds its file first, besides those that have it in their names. */
async function loadPage(query: FilesQuery, after: string, signal: AbortSignal): Promise<FilePage> {
  const asked = { ...toApiQuery(query), after, limit: after === '' ? FIRST_PAGE : PAGE }
  const page = api.get<FilePage>('files', { query: asked, signal })
  const id = after === '' ? idIn(query) : undefined
  if (id === undefined) return page
  const [{ files, next }, byId] = await Promise.all([page, findById(id, asked, signal)])
  return { files: [...byId, ...files.filter((file) => file.id !== byId[0]?.id)], next }
}

async function findById(
  id: string,
  query: NonNullable<RequestOptions['query']>,
  signal: AbortSignal,
): Promise<readonly FileBody[]> {
  try {
    const { files } = await api.get<FilePage>('files', { query: { ...query, name: undefined, id }, signal })
    return files
  } catch (error) {
    // It is no id after all.
    if (error instanceof ApiError && error.status === 400) return []
    throw error
  }
}
