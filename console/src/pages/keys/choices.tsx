import { useId } from 'preact/hooks'
import styles from './keys.module.css'

export interface ChoicesProps {
  readonly legend: string
  readonly hint?: string
  readonly options: readonly string[]
  readonly labelOf?: (option: string) => string
  /** In the order in which they were chosen. */
  readonly chosen: readonly string[]
  readonly error: string | undefined
  readonly onChange: (chosen: readonly string[]) => void
  /** Short ones stand beside each other. */
  readonly isInline?: boolean
}

/** Any number of a few words. */
export function Choices(props: ChoicesProps) {
  const { legend, hint, options, labelOf = (option) => option, chosen, error, onChange, isInline } = props
  const id = useId()
  const toggle = (option: string, isOn: boolean) =>
    onChange(isOn ? [...chosen, option] : chosen.filter((each) => each !== option))
  return (
    <fieldset class={styles.group} aria-describedby={error === undefined ? undefined : id}>
      <legend class={styles.legend}>{legend}</legend>
      <div class={isInline ? `${styles.list} ${styles.scopes}` : styles.list}>
        {options.map((option) => (
          <label key={option} class={styles.choice}>
            <input
              type="checkbox"
              checked={chosen.includes(option)}
              onChange={({ currentTarget }) => toggle(option, currentTarget.checked)}
            />
            <bdi>{labelOf(option)}</bdi>
            {!isInline && chosen.length > 1 && chosen[0] === option && (
              <span class={styles.about}>uploads go here</span>
            )}
          </label>
        ))}
      </div>
      {hint && <p class={styles.about}>{hint}</p>}
      <p id={id} class={styles.error} role="alert">
        {error}
      </p>
    </fieldset>
  )
}
