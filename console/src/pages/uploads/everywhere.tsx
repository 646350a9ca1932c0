import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { place } from '../../router.ts'
import { mayChange, pathTo } from '../../session.ts'
import { Icon } from '../../ui/icon.tsx'
import { Progress } from '../../ui/progress.tsx'
import { addDropped } from './add.ts'
import { summary } from './entries.ts'
import styles from './everywhere.module.css'
import { filesOf } from './gather.ts'
import { countsIn } from './queue-total.tsx'
import { targetProject } from './target.ts'

/** On every page: files can be dropped, and what is under way is told. For those who may upload. */
export function UploadsEverywhere() {
  if (!mayChange.value || targetProject.value === undefined) return null
  return (
    <>
      <DropZone />
      <UnderWay />
    </>
  )
}

/** Covers the page while files are dragged over it, and says where they will go. */
function DropZone() {
  const isOver = useSignal(false)
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    const hasFiles = ({ dataTransfer }: DragEvent) => dataTransfer?.types.includes('Files') === true
    const leave = () => {
      isOver.value = false
    }
    const over = (event: DragEvent) => {
      if (!hasFiles(event)) return
      event.preventDefault()
      if (event.dataTransfer) event.dataTransfer.dropEffect = 'copy'
      isOver.value = true
    }
    const drop = (event: DragEvent) => {
      if (!hasFiles(event) || event.dataTransfer === null) return
      // Else the browser opens the file in place of the page.
      event.preventDefault()
      leave()
      void addDropped(filesOf(event.dataTransfer))
    }
    addEventListener('dragenter', over, { signal })
    addEventListener('dragover', over, { signal })
    addEventListener('drop', drop, { signal })
    // To outside of the window.
    addEventListener('dragleave', ({ relatedTarget }) => relatedTarget === null && leave(), { signal })
    return () => controller.abort()
  }, [])
  if (!isOver.value) return null
  return (
    <div class={styles.overlay}>
      <div class={styles.target}>
        <Icon name="upload" size={32} />
        <p>
          Drop to upload to <bdi>{targetProject.value?.slug}</bdi>
        </p>
      </div>
    </div>
  )
}

/** Leads to the queue from other pages while something is under way, or failed. */
function UnderWay() {
  const { counts, sentBytes, totalBytes } = summary.value
  const open = counts.moving + counts.waiting
  const isThere = place.value.path === 'uploads'
  if (isThere || open + counts.failed + counts.paused === 0) return null
  return (
    <a class={styles.underWay} href={pathTo('uploads')}>
      <span class={styles.line}>
        <Icon name={counts.failed > 0 ? 'warning' : 'upload'} />
        {open > 0 ? 'Uploading' : 'Uploads'}: {countsIn(summary.value)}
      </span>
      {open > 0 && <Progress label="All uploads" done={sentBytes} total={totalBytes} />}
    </a>
  )
}
