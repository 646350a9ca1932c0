import type { ComponentChildren } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'
import { Button } from './button.tsx'
import styles from './dialog.module.css'

export interface DialogProps {
  readonly title: string
  /** Asked for by Escape, the button with the cross, and a click beside it. */
  readonly onClose: () => void
  /** A click beside it does not close it, because what it shows cannot be had again. */
  readonly isKept?: boolean
  readonly children: ComponentChildren
}

/** Is open while it is rendered. It keeps the focus inside and gives it back. */
export function Dialog({ title, onClose, isKept = false, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null)
  const titleId = useId()
  // Before the next key is pressed.
  useLayoutEffect(() => {
    const dialog = element.current
    const before = document.activeElement
    dialog?.showModal()
    focusFirst(dialog)
    return () => {
      dialog?.close()
      if (before instanceof HTMLElement && before.isConnected) before.focus()
    }
  }, [])
  return (
    <dialog
      ref={element}
      class={styles.dialog}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      closedby={isKept ? 'closerequest' : 'any'}
    >
      <header class={styles.head}>
        <h2 id={titleId}>{title}</h2>
        <Button kind="quiet" icon="close" aria-label="Close" onClick={onClose} />
      </header>
      {children}
    </dialog>
  )
}

/** What there is to fill in, else the first button, which cancels. The cross, which comes first, is not what one came for. */
function focusFirst(dialog: HTMLDialogElement | null): void {
  const inside = ':scope > :not(header) :is'
  const first =
    dialog?.querySelector<HTMLElement>(`${inside}(input, select, textarea)`) ??
    dialog?.querySelector<HTMLElement>(`${inside}(a, button)`)
  first?.focus()
  if (first instanceof HTMLInputElement) first.select()
}

/** The row of buttons at a dialog's end. */
export function DialogActions({ children }: { readonly children: ComponentChildren }) {
  return <div class={styles.actions}>{children}</div>
}
