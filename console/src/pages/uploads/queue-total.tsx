import { Button } from '../../ui/button.tsx'
import { confirm } from '../../ui/confirm.tsx'
import { Progress } from '../../ui/progress.tsx'
import { countOf, sizeOf } from '../../ui/text.tsx'
import { type Summary, summary } from './entries.ts'
import { isHeld, isOnline, pauseAll, removeAll, removeStored, resumeAll, retryAll } from './queue.ts'
import { durationOf } from './time-left.ts'
import styles from './uploads.module.css'

/** How far all of it is, and what can be done with all of it. */
export function QueueTotal() {
  const { counts, retryable, totalBytes, sentBytes, bytesPerSecond } = summary.value
  const open = counts.moving + counts.waiting
  const isPaused = counts.paused > 0 || isHeld.value
  return (
    <div class={styles.total}>
      <div class={styles.totalText}>
        <p aria-live="polite">{countsIn(summary.value)}</p>
        {!isOnline.value && open > 0 && <p role="alert">There is no network. Uploads go on with it.</p>}
        {open > 0 && (
          <p class={styles.hint}>
            {sizeOf(sentBytes)} of {sizeOf(totalBytes)}
            {bytesPerSecond !== undefined && ` · ${sizeOf(bytesPerSecond)}/s`}
            {bytesPerSecond !== undefined &&
              ` · ${durationOf((totalBytes - sentBytes) / Math.max(bytesPerSecond, 1))} left`}
          </p>
        )}
      </div>
      <div class={styles.totalActions}>
        {open > 0 && !isHeld.value && (
          <Button kind="quiet" icon="pause" onClick={pauseAll}>
            Pause all
          </Button>
        )}
        {isPaused && (
          <Button kind="quiet" icon="play" onClick={resumeAll}>
            Resume all
          </Button>
        )}
        {retryable > 0 && (
          <Button kind="quiet" icon="retry" onClick={retryAll}>
            Retry failed
          </Button>
        )}
        {counts.stored > 0 && (
          <Button kind="quiet" icon="check" onClick={removeStored}>
            Clear stored
          </Button>
        )}
        {open + counts.paused + counts.failed + counts.interrupted > 0 && (
          <Button kind="quiet" icon="close" onClick={() => void askToRemoveAll()}>
            Cancel all
          </Button>
        )}
      </div>
      {open > 0 && <Progress label="All uploads" done={sentBytes} total={totalBytes} />}
    </div>
  )
}

async function askToRemoveAll(): Promise<void> {
  const isYes = await confirm({
    title: 'Cancel all uploads of this page?',
    body: <p>What has come of them is deleted. Files that are stored stay.</p>,
    action: 'Cancel uploads',
    isDanger: true,
  })
  if (isYes) removeAll()
}

/** `12 of 50 stored, 1 failed`. */
export function countsIn({ counts }: Summary): string {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const parts = [`${countOf(counts.stored)} of ${countOf(all)} stored`]
  if (counts.failed > 0) parts.push(`${countOf(counts.failed)} failed`)
  if (counts.paused > 0) parts.push(`${countOf(counts.paused)} paused`)
  if (counts.interrupted > 0) parts.push(`${countOf(counts.interrupted)} interrupted`)
  return parts.join(', ')
}
