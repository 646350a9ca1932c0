import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../failure.ts'
import { type Api, filePath, type RemoteFile } from '../remote/api.ts'
import { Refusal, Unreachable, unreachable } from '../remote/refusals.ts'

const SILENT_MS = 60_000
/** Begins anew whenever bytes came. */
const RETRY_DELAYS_MS = [500, 1000, 2000, 4000, 8000, 15_000, ...Array<number>(9).fill(30_000)]

/**
 * The bytes of a file, all of one state of it. Where the connection breaks, it waits and goes on behind the last byte.
 * @param onWait called when it waits for the server to come back
 * @throws Failure
 */
export async function* contentOf(
  api: Api,
  { id, sizeBytes }: RemoteFile,
  signal: AbortSignal,
  onWait: () => void,
): AsyncGenerator<Uint8Array> {
  let [offset, attempt] = [0, 0]
  let etag: string | undefined
  for (;;) {
    const stalled = new AbortController()
    try {
      const response = await open(api, id, offset, etag, AbortSignal.any([signal, stalled.signal]))
      etag ??= response.headers.get('etag') ?? undefined
      for await (const bytes of watched(response, stalled)) {
        attempt = 0
        offset += bytes.byteLength
        yield bytes
      }
      if (offset >= sizeBytes) return
      throw new Error('it ended early')
    } catch (error) {
      const delayMs = RETRY_DELAYS_MS[attempt++]
      const failure = error instanceof Failure ? error : unreachable(api.url, error)
      // Without the tag of what came, the rest could be another file's.
      const canGoOn = failure instanceof Unreachable && (offset === 0 ? attempt > 1 : etag !== undefined)
      if (signal.aborted || delayMs === undefined || !canGoOn) throw failure
      onWait()
      await sleep(delayMs, undefined, { signal }).catch(() => undefined)
    }
  }
}

async function open(
  api: Api,
  id: string,
  offset: number,
  etag: string | undefined,
  signal: AbortSignal,
): Promise<Response> {
  const headers: Record<string, string> =
    offset > 0 && etag !== undefined ? { range: `bytes=${offset}-`, 'if-match': etag } : {}
  try {
    const response = await api.request('GET', `${filePath(id)}/content`, { headers, signal })
    if (offset === 0 || response.headers.get('content-range')?.startsWith(`bytes ${offset}-`)) return response
    throw new Failure('The server does not go on in the middle of a file: try again.')
  } catch (error) {
    if (error instanceof Refusal && error.status === 412)
      throw new Failure('The file was changed meanwhile: try again.')
    throw error
  }
}

/** Gives up on a connection that is silent for long. */
async function* watched(response: Response, stalled: AbortController): AsyncGenerator<Uint8Array> {
  const timer = setTimeout(
    () => stalled.abort(new Error(`it was silent for ${SILENT_MS / 1000} seconds`)),
    SILENT_MS,
  )
  try {
    for await (const bytes of response.body ?? []) {
      timer.refresh()
      yield bytes
      timer.refresh()
    }
  } finally {
    clearTimeout(timer)
  }
}
