import { useSignal } from '@preact/signals'
import { Button, type ButtonKind } from './button.tsx'
import styles from './copy.module.css'

const SAID_MS = 2000

export interface CopyProps {
  readonly text: string
  /** What is copied: "the link". */
  readonly what: string
  readonly kind?: ButtonKind
}

/** Puts a text on the clipboard and says so. Where the browser forbids it, it says that, too. */
export function CopyButton({ text, what, kind = 'quiet' }: CopyProps) {
  const said = useSignal<'' | 'Copied' | 'Not copied: select the text instead'>('')
  const copy = async () => {
    said.value = await navigator.clipboard.writeText(text).then(
      () => 'Copied' as const,
      () => 'Not copied: select the text instead' as const,
    )
    setTimeout(() => {
      said.value = ''
    }, SAID_MS)
  }
  return (
    <>
      <Button
        kind={kind}
        icon={said.value === 'Copied' ? 'check' : 'copy'}
        aria-label={`Copy ${what}`}
        onClick={copy}
      />
      <span class="visually-hidden" aria-live="polite">
        {said.value}
      </span>
    </>
  )
}

/** A text to be copied as it is: a command, a link, a secret. */
export function CopyText({ text, what }: Omit<CopyProps, 'kind'>) {
  return (
    <div class={styles.box}>
      <pre class={styles.text}>{text}</pre>
      <CopyButton text={text} what={what} />
    </div>
  )
}
