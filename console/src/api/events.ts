import { addressOf, api, type RequestOptions } from './client.ts'

const REOPEN_MS = 3000

export interface EventsOptions {
  readonly query?: RequestOptions['query']
  /** The `data` of each event, read as JSON, and its name. */
  readonly onEvent: (data: unknown, type: string) => void
  /** Whether events are coming: not before the first answer, nor while the connection is lost. */
  readonly onState?: (isOpen: boolean) => void
  /** Names of events besides `message`. */
  readonly types?: readonly string[]
}

/** Listens to events of `/admin/v1`, and again whenever the connection is lost. @returns ends it */
export function listen(path: string, { query, onEvent, onState, types = [] }: EventsOptions): () => void {
  let source: EventSource | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  const take = ({ data, type }: MessageEvent<string>) => onEvent(JSON.parse(data), type)
  const open = () => {
    source = new EventSource(addressOf(path, query))
    source.onopen = () => onState?.(true)
    source.onerror = () => {
      onState?.(false)
      // The browser reconnects by itself, unless the server refused.
      if (source?.readyState !== EventSource.CLOSED) return
      timer = setTimeout(open, REOPEN_MS)
      // Leads to the sign-in where the session has ended.
      api.get('me').catch(() => {})
    }
    for (const type of ['message', ...types]) source.addEventListener(type, take)
  }
  open()
  return () => {
    clearTimeout(timer)
    source?.close()
  }
}
