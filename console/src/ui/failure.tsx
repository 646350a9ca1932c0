import { ApiError } from '../api/client.ts'
import { Button } from './button.tsx'
import styles from './failure.module.css'
import { Icon } from './icon.tsx'

export interface FailureProps {
  readonly error: unknown
  /** What could not be shown, where there is more than one thing on the page: `Links`. */
  readonly what?: string
  /** Present where doing it again can help. */
  readonly retry?: () => void
}

/** The address or the request is wrong, or not for this caller: the same fails again. */
const HOPELESS = [400, 403, 404]

/** Says what failed where it would have been, and offers to do it again, or, where that cannot help, the way out. */
export function Failure({ error, what, retry }: FailureProps) {
  const isHopeless = error instanceof ApiError && HOPELESS.includes(error.status)
  return (
    <div class={styles.failure} role="alert">
      <Icon name="warning" />
      <span class={styles.text}>
        {what !== undefined && <b>{what}: </b>}
        {reasonOf(error)}
      </span>
      {retry && isHopeless && <a href="./">To all files</a>}
      {retry && !isHopeless && (
        <Button kind="quiet" icon="retry" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  )
}

/** The sentence of the server, or one about what went wrong before it was asked. */
export function reasonOf(error: unknown): string {
  if (error instanceof ApiError) return error.message
  return `Something went wrong in this page: ${error instanceof Error ? error.message : String(error)}`
}
