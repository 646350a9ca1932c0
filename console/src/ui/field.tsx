import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'
import styles from './field.module.css'

export interface FieldProps {
  readonly label: string
  /** What is to be known before one types. */
  readonly hint?: ComponentChildren
  /** What is wrong with what was typed, which stays as it is. */
  readonly error?: string | undefined
}

/** What ties a control to its label, hint and error. */
interface Tied {
  readonly id: string
  readonly 'aria-describedby': string | undefined
  readonly 'aria-invalid': boolean | undefined
}

/** A label above, a hint and an error below whatever `children` makes of the attributes that tie them together. */
export function Field({
  label,
  hint,
  error,
  children,
}: FieldProps & { readonly children: (tied: Tied) => ComponentChildren }) {
  const id = useId()
  const hintId = `${id}-hint`
  const errorId = `${id}-error`
  const describedBy = [hint ? hintId : '', error ? errorId : ''].filter(Boolean).join(' ')
  return (
    <div class={styles.field}>
      <label class={styles.label} for={id}>
        {label}
      </label>
      {children({
        id,
        'aria-describedby': describedBy || undefined,
        'aria-invalid': error !== undefined || undefined,
      })}
      {hint && (
        <p id={hintId} class={styles.hint}>
          {hint}
        </p>
      )}
      <p id={errorId} class={styles.error} role="alert">
        {error}
      </p>
    </div>
  )
}

export interface TextFieldProps extends FieldProps {
  readonly value: string
  readonly onText: (text: string) => void
  readonly type?: 'text' | 'password' | 'number' | 'email' | 'search' | 'datetime-local'
  readonly name?: string
  readonly autocomplete?: string
  readonly placeholder?: string
  readonly maxLength?: number
  readonly min?: number | string
  readonly isRequired?: boolean
  readonly isDisabled?: boolean
}

export function TextField(props: TextFieldProps) {
  const { label, hint, error, onText, isRequired, isDisabled, type = 'text', ...input } = props
  return (
    <Field label={label} hint={hint} error={error}>
      {(tied) => (
        <input
          {...input}
          {...tied}
          // Which roles a type may have does not matter here.
          type={type as 'text'}
          required={isRequired}
          disabled={isDisabled}
          class={styles.input}
          onInput={({ currentTarget }) => onText(currentTarget.value)}
        />
      )}
    </Field>
  )
}

export interface Option {
  readonly value: string
  readonly label: string
}

export interface SelectFieldProps extends FieldProps {
  readonly options: readonly Option[]
  readonly value: string
  readonly onChoice: (value: string) => void
  readonly isDisabled?: boolean
}

export function SelectField({ label, hint, error, options, value, onChoice, isDisabled }: SelectFieldProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(tied) => (
        <select
          {...tied}
          class={styles.input}
          value={value}
          disabled={isDisabled}
          onChange={({ currentTarget }) => onChoice(currentTarget.value)}
        >
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  )
}
