import { Progress } from '../../ui/progress.tsx'
import styles from './projects.module.css'

export interface UseProps {
  readonly label: string
  readonly used: number
  /** Null: none. */
  readonly bound: number | null
  readonly print: (amount: number) => string
}

/** What is used of a bound, as text and, where there is a bound, as a bar. */
export function Use({ label, used, bound, print }: UseProps) {
  if (bound === null) return <span class={styles.use}>{print(used)}</span>
  const isFull = used >= bound
  return (
    <div class={styles.use}>
      <span class={isFull ? styles.full : undefined}>
        {print(used)} of {print(bound)}
      </span>
      <Progress label={label} done={Math.min(used, bound)} total={bound} />
    </div>
  )
}
