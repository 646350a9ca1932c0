import styles from './progress.module.css'

/** How much is done. Undefined: something is, but nobody knows how much. */
export function Progress({
  label,
  done,
  total = 0,
}: {
  readonly label: string
  readonly done?: number | undefined
  readonly total?: number | undefined
}) {
  return <progress class={styles.progress} aria-label={label} value={done} max={Math.max(total, 1)} />
}
