import { hasScope } from '../core/access/admit.ts'
import type { Caller } from '../core/caller.ts'
import { type FileRecord, stateAt } from '../core/files/file.ts'
import type { ServedDialect } from './dialect.ts'
import { listSnippets, type Snippet } from './snippets.ts'

/** A file as the clients of one dialect know it. */
export interface FileView {
  readonly name: string
  readonly title: string
  readonly id: string
  readonly baseUrl: string
  /** In a sentence, what this dialect refuses the caller of this file; null: nothing. */
  readonly refusal: string | null
  /** Without those of what is refused. */
  readonly snippets: Snippet[]
}

const NO_UPLOADS = 'This API shows a file once all of its bytes have come.'

/**
 * A file in each dialect, by their titles.
 * @param publicUrl absolute, no trailing slash
 * @param now in milliseconds since the epoch
 */
export async function fileViews(
  dialects: readonly ServedDialect[],
  publicUrl: string,
  caller: Caller,
  file: FileRecord,
  now: number,
): Promise<FileView[]> {
  const isPending = stateAt(file, now) === 'pending'
  const views = dialects.map((dialect) => viewOf(dialect, publicUrl, caller, file, isPending))
  return (await Promise.all(views)).sort((one, other) => one.title.localeCompare(other.title, 'en'))
}

async function viewOf(
  { name, title, basePath = '', fileIds, ...api }: ServedDialect,
  publicUrl: string,
  caller: Caller,
  file: FileRecord,
  isPending: boolean,
): Promise<FileView> {
  // Below its name a path is surely the dialect's; at the root others may share it.
  const baseUrl = `${publicUrl}/${name}${basePath}`
  const id = fileIds.print(file.id)
  const view = { name, title, id, baseUrl }
  if (isPending && !api.showsUploads) return { ...view, refusal: NO_UPLOADS, snippets: [] }
  const snippets = listSnippets(await api.snippets({ id, baseUrl, projectId: file.projectId }))
  const refusal = api.withholds?.(caller, file) ?? null
  const isRefused = {
    get: false,
    download: refusal !== null || isPending,
    delete: !hasScope(caller, 'files:delete'),
  }
  return { ...view, refusal, snippets: snippets.filter(({ action }) => !isRefused[action]) }
}
