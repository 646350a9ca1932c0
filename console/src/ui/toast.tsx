import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { Button } from './button.tsx'
import styles from './toast.module.css'

const SHOWN_MS = 8000
/** Older ones leave. */
const MAX_SHOWN = 4

export interface Toast {
  readonly text: string
  /** Takes back what the text tells of. */
  readonly undo?: () => void | Promise<void>
  /** A failure stays until it is closed. */
  readonly isError?: boolean
}

let lastId = 0
const shown = signal<readonly (Toast & { readonly id: number })[]>([])

/** Tells what came of something, also to screen readers. Failures belong beside their cause; here only if that is gone. */
export function toast(message: Toast): void {
  shown.value = [...shown.value, { ...message, id: ++lastId }].slice(-MAX_SHOWN)
}

function close(id: number): void {
  shown.value = shown.value.filter((each) => each.id !== id)
}

/** Where messages are shown, once per document: a live region has to be there before its text. */
export function Toasts() {
  return (
    <section class={styles.toasts} aria-label="Messages" aria-live="polite">
      {shown.value.map((each) => (
        <Message key={each.id} {...each} />
      ))}
    </section>
  )
}

function Message({ id, text, undo, isError = false }: Toast & { readonly id: number }) {
  const element = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (isError) return
    let timer = setTimeout(leave, SHOWN_MS)
    function leave() {
      // Nobody loses what they are about to press.
      if (element.current?.matches(':hover, :focus-within')) timer = setTimeout(leave, SHOWN_MS / 4)
      else close(id)
    }
    return () => clearTimeout(timer)
  }, [id, isError])
  const takeBack = () => {
    close(id)
    void undo?.()
  }
  return (
    <div ref={element} class={isError ? styles.error : styles.message}>
      <span class={styles.text}>{text}</span>
      {undo && (
        <Button kind="quiet" onClick={takeBack}>
          Undo
        </Button>
      )}
      <Button kind="quiet" icon="close" aria-label="Close message" onClick={() => close(id)} />
    </div>
  )
}
