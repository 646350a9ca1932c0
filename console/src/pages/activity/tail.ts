import { batch, signal } from '@preact/signals'
import { listen } from '../../api/events.ts'
import type { RequestBody } from '../../api/operating.ts'

/** What is kept: a page with more would be slow, and nobody reads so far back. */
const MAX_KEPT = 500
/** Requests that come together are shown together. */
const SHOWN_EVERY_MS = 250

export type TailState = 'connecting' | 'open' | 'lost'

/** The requests of a server as they end. */
export interface Tail {
  /** The newest first, at most 500. */
  readonly requests: { readonly value: readonly RequestBody[] }
  readonly state: { readonly value: TailState }
  readonly isPaused: { value: boolean }
  /** Since it was paused. */
  readonly waiting: { readonly value: number }
  /** How many the server left out, because this page was too slow for them. */
  readonly dropped: { readonly value: number }
  clear(): void
  end(): void
}

/** @param organization undefined: all that the caller may see */
export function openTail(organization: string | undefined): Tail {
  const requests = signal<readonly RequestBody[]>([])
  const state = signal<TailState>('connecting')
  const isPaused = signal(false)
  const waiting = signal(0)
  const dropped = signal(0)
  let arrived: RequestBody[] = []
  const timer = setInterval(() => {
    if (isPaused.value) waiting.value = arrived.length
    else if (arrived.length > 0)
      batch(() => {
        requests.value = [...arrived.toReversed(), ...requests.value].slice(0, MAX_KEPT)
        arrived = []
        waiting.value = 0
      })
  }, SHOWN_EVERY_MS)
  const stop = listen('tail', {
    query: { organization },
    types: ['request', 'dropped', 'end'],
    onState: (isOpen) => {
      state.value = isOpen ? 'open' : 'lost'
    },
    onEvent: (data, type) => {
      if (type === 'dropped') dropped.value += (data as { count: number }).count
      if (type !== 'request') return
      arrived.push(data as RequestBody)
      if (arrived.length > MAX_KEPT) arrived.shift()
    },
  })
  return {
    requests,
    state,
    isPaused,
    waiting,
    dropped,
    clear: () => {
      arrived = []
      requests.value = []
    },
    end: () => {
      clearInterval(timer)
      stop()
    },
  }
}
