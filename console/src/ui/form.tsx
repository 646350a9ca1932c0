import { signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useMemo } from 'preact/hooks'
import { ApiError } from '../api/client.ts'
import { Button } from './button.tsx'
import { DialogActions } from './dialog.tsx'
import { Failure } from './failure.tsx'

/** What is sent once at a time. What the server finds wrong is shown beside the field that it names. */
export interface Form {
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
export function useForm(...fields: readonly string[]): Form {
  return useMemo(() => {
    const isBusy = signal(false)
    const failure = signal<unknown>(undefined)
    const fieldOf = (error: unknown) =>
      error instanceof ApiError && fields.includes(error.field ?? '') ? error.field : undefined
    return {
      isBusy: () => isBusy.value,
      errorOf: (field) =>
        fieldOf(failure.value) === field
          ? (failure.value as Error).message.replace(new RegExp(`^${field}\\b`), 'This')
          : undefined,
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

export interface DialogFormProps {
  readonly form: Form
  /** On the button that sends. */
  readonly action: string
  readonly onSubmit: () => Promise<void>
  readonly onClose: () => void
  readonly children: ComponentChildren
}

/** The fields of a dialog, and the buttons below them. */
export function DialogForm({ form, action, onSubmit, onClose, children }: DialogFormProps) {
  return (
    <form onSubmit={(event) => form.send(event, onSubmit)} noValidate>
      {form.error() !== undefined && <Failure error={form.error()} />}
      {children}
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="main" type="submit" isBusy={form.isBusy()}>
          {action}
        </Button>
      </DialogActions>
    </form>
  )
}
