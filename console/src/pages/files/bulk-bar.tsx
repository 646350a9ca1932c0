import type { FileBody } from '../../api/bodies.ts'
import { Button } from '../../ui/button.tsx'
import { Progress } from '../../ui/progress.tsx'
import { countOf, sizeOf } from '../../ui/text.tsx'
import { type FileAction, fileActions } from './actions.ts'
import styles from './bulk-bar.module.css'
import { MAX_SELECTED } from './selection.ts'
import type { FilesView } from './view.ts'
import { refusals, work } from './work.ts'

export interface BulkBarProps {
  readonly view: FilesView
  readonly act: (action: FileAction, files: readonly FileBody[]) => void
}

/** What is chosen, what can be done with it, and what is being done. */
export function BulkBar({ view, act }: BulkBarProps) {
  const size = view.selection.size.value
  if (work.value !== undefined) {
    const { label, done, total, stop } = work.value
    return (
      <div class={styles.bar}>
        <span class={styles.text}>
          {label}
          {done !== undefined && total !== undefined && `: ${countOf(done)} of ${countOf(total)}`}
        </span>
        <div class={styles.progress}>
          <Progress label={label} done={done} total={total} />
        </div>
        {stop && <Button onClick={stop}>Stop</Button>}
      </div>
    )
  }
  if (size === 0) return null
  view.list.version.value
  const isAll = view.list.isWhole && size >= view.list.count
  const files = [...view.selection.files.value.values()]
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return (
    <section class={styles.bar} aria-label="What is selected">
      <span class={styles.text} aria-live="polite">
        {isAll && 'All '}
        {countOf(size)} selected, {sizeOf(bytes)}
        {size === MAX_SELECTED && ' (no more at once)'}
      </span>
      {refusals.value.size > 1 && <Button onClick={() => view.dismissAll()}>Dismiss refusals</Button>}
      {!isAll && size < MAX_SELECTED && (
        <Button kind="quiet" onClick={() => void view.selectAll()}>
          Select all
        </Button>
      )}
      {fileActions(size).map(({ action, label, icon, isDanger }) => (
        <Button
          key={action}
          kind="quiet"
          icon={icon}
          class={isDanger ? styles.danger : undefined}
          onClick={() => act(action, files)}
        >
          {label}
        </Button>
      ))}
      <Button
        kind="quiet"
        icon="close"
        aria-label="Clear the selection"
        onClick={() => view.selection.clear()}
      />
    </section>
  )
}
