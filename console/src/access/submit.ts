import { signal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import { ApiError } from '../api/client.ts'

/** A form that is sent once at a time, and shows what the server found wrong beside the field that it named. */
export interface Submission {
  readonly isBusy: () => boolean
  /** What is wrong with a field. */
  readonly errorOf: (field: string) => string | undefined
  /** What is wrong otherwise. */
  readonly error: () => unknown
  /** What is wrong before anything is sent; to be thrown. */
  readonly fault: (field: string, message: string) => Error
  readonly send: (event: Event, work: () => Promise<void>) => Promise<void>
}

/** @param fields those that show their own errors */
export function useSubmission(fields: readonly string[]): Submission {
  return useMemo(() => {
    const isBusy = signal(false)
    const failure = signal<unknown>(undefined)
    const fieldOf = (error: unknown) =>
      error instanceof ApiError && fields.includes(error.field ?? '') ? error.field : undefined
    return {
      isBusy: () => isBusy.value,
      errorOf: (field) => (fieldOf(failure.value) === field ? (failure.value as Error).message : undefined),
      error: () => (fieldOf(failure.value) === undefined ? failure.value : undefined),
      fault: (field, detail) => new ApiError({ status: 400, code: 'field_invalid', field, detail }),
      async send(event, work) {
        event.preventDefault()
        if (isBusy.value) return
        isBusy.value = true
        failure.value = undefined
        try {
          await work()
        } catch (error) {
          // That the session has ended is told by the sign-in over the page, after which the form goes on.
          if (!(error instanceof ApiError && error.status === 401)) failure.value = error
        }
        isBusy.value = false
      },
    }
  }, [])
}
