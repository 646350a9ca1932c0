import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { ApiError } from '../../api/client.ts'
import { mayChange } from '../../session.ts'
import { Button } from '../../ui/button.tsx'
import { reasonOf } from '../../ui/failure.tsx'
import styles from './editable.module.css'

/** What is wrong with what was typed, in a sentence. */
export class InputError extends Error {
  override readonly name = 'InputError'
}

export interface EditableProps {
  /** What is edited: "name". */
  readonly what: string
  /** As it is shown. */
  readonly children: ComponentChildren
  /** The controls, which keep what was typed, with what is wrong with it. */
  readonly form: (error: string | undefined) => ComponentChildren
  /** Runs before the form is shown. */
  readonly begin: () => void
  readonly save: () => Promise<void>
}

/** A value with a button that puts a form in its place. Escape and Cancel leave it as it was. */
export function Editable({ what, children, form, begin, save }: EditableProps) {
  const isOpen = useSignal(false)
  const opener = useRef<HTMLSpanElement>(null)
  const close = () => {
    isOpen.value = false
    // The button is there again after this turn.
    setTimeout(() => opener.current?.querySelector('button')?.focus())
  }
  if (isOpen.value)
    return (
      <EditForm what={what} save={save} onClose={close}>
        {form}
      </EditForm>
    )
  return (
    <span class={styles.shown} ref={opener}>
      <span class={styles.value}>{children}</span>
      {mayChange.value && (
        <Button
          kind="quiet"
          icon="rename"
          aria-label={`Edit ${what}`}
          onClick={() => {
            begin()
            isOpen.value = true
          }}
        />
      )}
    </span>
  )
}

interface EditFormProps {
  readonly what: string
  readonly save: () => Promise<void>
  readonly onClose: () => void
  readonly children: EditableProps['form']
}

function EditForm({ what, save, onClose, children }: EditFormProps) {
  const error = useSignal<string | undefined>(undefined)
  const isBusy = useSignal(false)
  const element = useRef<HTMLFormElement>(null)
  useEffect(() => element.current?.querySelector<HTMLElement>('input, select, textarea')?.focus(), [])
  const submit = async (event: Event) => {
    event.preventDefault()
    if (isBusy.value) return
    isBusy.value = true
    error.value = undefined
    try {
      await save()
      onClose()
    } catch (reason) {
      // That the session has ended is told by the sign-in over the page, after which the form goes on.
      if (reason instanceof ApiError && reason.status === 401) return
      error.value = reason instanceof InputError ? reason.message : reasonOf(reason)
    } finally {
      isBusy.value = false
    }
  }
  return (
    <form
      ref={element}
      class={styles.form}
      aria-label={`Edit ${what}`}
      onSubmit={submit}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose()
      }}
    >
      {children(error.value)}
      <div class={styles.actions}>
        <Button kind="main" type="submit" isBusy={isBusy.value}>
          Save
        </Button>
        <Button onClick={onClose}>Cancel</Button>
      </div>
    </form>
  )
}
