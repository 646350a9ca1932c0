import type { ComponentChildren } from 'preact'
import styles from './empty.module.css'

/** Stands where a list would: says why there is nothing, and what to do first. */
export function Empty({
  title,
  children,
}: {
  readonly title: string
  readonly children?: ComponentChildren
}) {
  return (
    <div class={styles.empty}>
      <h2>{title}</h2>
      {children}
    </div>
  )
}
