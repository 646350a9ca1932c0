import type { FileBody } from '../../api/bodies.ts'
import { ApiError, api, patiently } from '../../api/client.ts'
import { reasonOf } from '../../ui/failure.tsx'
import { countOf } from '../../ui/text.tsx'
import { toast } from '../../ui/toast.tsx'
import type { FilesView } from './view.ts'
import { dismiss, refuse, work } from './work.ts'

/** As many as one request may name. */
const CHUNK = 500
/** Other requests of the organization may have used up its share of writes. */
const ATTEMPTS = 6

interface DeleteResult {
  readonly id: string
  readonly status: number
  readonly detail?: string
}

/** Deletes files for good, and tells the reason of each that is refused in its row, where it stays chosen. */
export async function deleteFiles(view: FilesView, files: readonly FileBody[]): Promise<void> {
  dismiss(files.map(({ id }) => id))
  const stop = new AbortController()
  const label = `Deleting ${nounOf(files.length)}`
  let deleted = 0
  let refused = 0
  for (let at = 0; at < files.length && !stop.signal.aborted; at += CHUNK) {
    const progress = { done: at, total: files.length }
    work.value = { label, ...progress, stop: () => stop.abort() }
    stop.signal.onabort = () => {
      work.value = { label: 'Stopping, once the server has answered', ...progress }
    }
    const chunk = files.slice(at, at + CHUNK)
    const results = await deleteChunk(chunk, stop)
    const gone = new Set(results.filter(({ status }) => status === 204).map(({ id }) => id))
    view.remove(gone)
    deleted += gone.size
    refused += tellRefused(view, chunk, results)
  }
  work.value = undefined
  const left = files.length - deleted - refused
  toast({ text: summaryOf({ deleted, refused, left }), isError: refused > 0 })
}

/**
 * Sent again it does no harm: what is gone is gone, and went by the first time, whose answer did not come. One that is on its way
 * is waited for, since it deletes all the same.
 */
async function deleteChunk(
  chunk: readonly FileBody[],
  stop: AbortController,
): Promise<readonly DeleteResult[]> {
  const ids = chunk.map(({ id }) => id)
  let sent = 0
  const send = () => {
    sent++
    return api.post<{ results: readonly DeleteResult[] }>('files:delete', { ids })
  }
  try {
    const { results } = await patiently(send, { signal: stop.signal, attempts: ATTEMPTS })
    return sent === 1 ? results : results.map(asGone)
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      // The sign-in over the page tells it; nothing more would be deleted.
      stop.abort()
      return []
    }
    return ids.map((id) => ({ id, status: 0, detail: reasonOf(error) }))
  }
}

function asGone(result: DeleteResult): DeleteResult {
  return result.status === 404 ? { id: result.id, status: 204 } : result
}

function tellRefused(view: FilesView, chunk: readonly FileBody[], results: readonly DeleteResult[]): number {
  const refused = results.filter(({ status }) => status !== 204)
  const byId = new Map(chunk.map((file) => [file.id, file]))
  for (const { id, status, detail = 'The server did not say why.' } of refused) {
    const file = byId.get(id)
    if (file === undefined) continue
    const retry = () => void deleteFiles(view, [file])
    refuse(id, { text: `Not deleted. ${detail}`, retry, isGone: status === 404 })
  }
  return refused.length
}

interface Outcome {
  readonly deleted: number
  readonly refused: number
  /** What was not asked for any more. */
  readonly left: number
}

function summaryOf({ deleted, refused, left }: Outcome): string {
  const rest = [
    ...(refused > 0
      ? [`${countOf(refused)} not: the reason stands in ${refused === 1 ? 'its row' : 'their rows'}`]
      : []),
    ...(left > 0 ? [`${countOf(left)} left as they were`] : []),
  ]
  return `${[`${nounOf(deleted)} deleted`, ...rest].join(', ')}.`
}

function nounOf(files: number): string {
  return `${countOf(files)} ${files === 1 ? 'file' : 'files'}`
}
