import { type ReadonlySignal, signal, useSignal, useSignalEffect } from '@preact/signals'
import { useRef } from 'preact/hooks'

/** Something that is loaded while its component is there. */
export interface Resource<Value> {
  /** The last one that came; it stays while the next is loaded. */
  readonly value: ReadonlySignal<Value | undefined>
  /** Of the last load; undefined while all is well. */
  readonly error: ReadonlySignal<unknown>
  readonly isLoading: ReadonlySignal<boolean>
  readonly reload: () => void
}

/** Changes when everything that is shown has to be loaded again. */
export const turnOfAll = signal(0)

/** Loads everything again that is shown. */
export function reloadAll(): void {
  turnOfAll.value++
}

/**
 * @param load runs when the component appears, and again when a signal changes that it reads before its first `await`. Its own
 * signal is aborted when it runs again, and when the component leaves.
 */
export function useResource<Value>(load: (signal: AbortSignal) => Promise<Value>): Resource<Value> {
  const value = useSignal<Value | undefined>(undefined)
  const error = useSignal<unknown>(undefined)
  const isLoading = useSignal(true)
  const turn = useSignal(0)
  const latest = useRef(load)
  latest.current = load
  useSignalEffect(() => {
    const controller = new AbortController()
    const settle = (store: () => void) => {
      if (controller.signal.aborted) return
      store()
      isLoading.value = false
    }
    turn.value
    turnOfAll.value
    isLoading.value = true
    latest.current(controller.signal).then(
      (loaded) =>
        settle(() => {
          value.value = loaded
          error.value = undefined
        }),
      (reason: unknown) =>
        settle(() => {
          error.value = reason
        }),
    )
    return () => controller.abort()
  })
  const reload = () => {
    turn.value++
  }
  return { value, error, isLoading, reload }
}
