import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { Button } from './button.tsx'
import styles from './field.module.css'
import { Field, type FieldProps } from './field.tsx'

export interface SecretFieldProps extends FieldProps {
  readonly value: string
  readonly onText: (text: string) => void
  readonly name: string
  readonly autocomplete: 'current-password' | 'new-password' | 'off'
  /** Has the focus when it appears. */
  readonly isFirst?: boolean
}

/** A text that one may want to see while typing it, and others should not. */
export function SecretField({ label, hint, error, onText, isFirst = false, ...input }: SecretFieldProps) {
  const isShown = useSignal(false)
  const element = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (!isFirst || element.current === null) return
    // A dialog, which opens after what is in it, looks for this.
    element.current.autofocus = true
    element.current.focus()
  }, [isFirst])
  return (
    <Field label={label} hint={hint} error={error}>
      {(tied) => (
        <span class={styles.secret}>
          <input
            {...input}
            {...tied}
            ref={element}
            // Which roles a type may have does not matter here.
            type={(isShown.value ? 'text' : 'password') as 'password'}
            class={styles.input}
            required
            spellcheck={false}
            autocapitalize="off"
            onInput={({ currentTarget }) => onText(currentTarget.value)}
          />
          <Button
            kind="quiet"
            icon={isShown.value ? 'hidden' : 'eye'}
            aria-label={`${isShown.value ? 'Hide' : 'Show'} ${label}`}
            onClick={() => {
              isShown.value = !isShown.value
            }}
          />
        </span>
      )}
    </Field>
  )
}
