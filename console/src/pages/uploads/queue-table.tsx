import { useSignal } from '@preact/signals'
import { pathTo } from '../../session.ts'
import { Button } from '../../ui/button.tsx'
import { Progress } from '../../ui/progress.tsx'
import { type Column, Table } from '../../ui/table.tsx'
import { countOf, Name, sizeOf } from '../../ui/text.tsx'
import { summary, uploadsIn } from './entries.ts'
import { chooseFiles } from './gather.ts'
import { chooseAgain, pause, readAgain, remove, resume, retry } from './queue.ts'
import { durationOf } from './time-left.ts'
import type { Upload, UploadState } from './upload.ts'
import styles from './uploads.module.css'

/** What needs somebody stands before what waits, and what is over at the end. */
const ORDER: readonly UploadState[] = ['moving', 'paused', 'interrupted', 'failed', 'waiting', 'stored']
/** The document stays small, however many files there are. */
const ROWS = 100

/** The files of the queue, as many as one looks at. */
export function QueueTable() {
  const shown = useSignal(ROWS)
  const faults = useSignal<Readonly<Record<number, string>>>({})
  const { counts } = summary.value
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const rows = uploadsIn(ORDER, shown.value)
  const tellFault = ({ id }: Upload, fault = '') => {
    faults.value = { ...faults.value, [id]: fault }
  }
  const choose = (upload: Upload) =>
    chooseFiles('file', ([file]) => tellFault(upload, file && chooseAgain(upload.id, file)))
  const read = async (upload: Upload) => tellFault(upload, await readAgain(upload.id))
  return (
    <>
      <Table
        label="Uploads of this page"
        columns={COLUMNS}
        rows={rows}
        keyOf={({ id }) => String(id)}
        errorOf={(upload) => faults.value[upload.id] || (isOver(upload) ? upload.reason : undefined)}
        actions={(upload) => <RowActions upload={upload} choose={choose} read={read} />}
      />
      {all > rows.length && (
        <p class={styles.more}>
          {countOf(all - rows.length)} more files are not shown.{' '}
          <Button
            kind="quiet"
            onClick={() => {
              shown.value += ROWS
            }}
          >
            Show more
          </Button>
        </p>
      )}
    </>
  )
}

const COLUMNS: readonly Column<Upload>[] = [
  { name: 'Name', cell: (upload) => <FileName upload={upload} /> },
  { name: 'Project', cell: ({ project }) => <bdi class={styles.slug}>{project.slug}</bdi>, isMinor: true },
  { name: 'Size', cell: ({ sizeBytes }) => sizeOf(sizeBytes), isNumber: true, isMinor: true },
  { name: 'Progress', cell: (upload) => <HowFar upload={upload} /> },
]

/** Then its reason is a fault, and not what it waits for. */
function isOver({ state }: Upload): boolean {
  return state === 'failed' || state === 'stored'
}

function FileName({ upload: { name, state, fileId } }: { readonly upload: Upload }) {
  return (
    <span class={styles.name} title={name.slice(0, 500)}>
      {state === 'stored' && fileId !== undefined ? (
        <a href={pathTo(`files/${fileId}`)}>
          <Name text={name} />
        </a>
      ) : (
        <Name text={name} />
      )}
    </span>
  )
}

const WORDS: Readonly<Record<UploadState, string>> = {
  moving: 'Uploading',
  paused: 'Paused',
  interrupted: 'Interrupted when the page was closed',
  failed: 'Failed',
  waiting: 'Waiting',
  stored: 'Stored',
}

function HowFar({ upload }: { readonly upload: Upload }) {
  const { state, sentBytes, sizeBytes, bytesPerSecond, reason, name, hasHandle } = upload
  if (state !== 'moving' && state !== 'paused')
    return (
      <span class={styles[state]}>
        {WORDS[state]}
        {state === 'interrupted' && (hasHandle ? '.' : '. Choose the same file to go on.')}
      </span>
    )
  const parts = [reason ?? (state === 'paused' ? WORDS.paused : '')]
  parts.push(`${percentOf(sentBytes, sizeBytes)} %`)
  if (bytesPerSecond !== undefined && reason === undefined) {
    parts.push(`${sizeOf(bytesPerSecond)}/s`)
    parts.push(`${durationOf((sizeBytes - sentBytes) / Math.max(bytesPerSecond, 1))} left`)
  }
  return (
    <div class={styles.howFar}>
      <Progress label={`Upload of ${name.slice(0, 200)}`} done={sentBytes} total={sizeBytes} />
      <span class={styles.hint}>{parts.filter(Boolean).join(' · ')}</span>
    </div>
  )
}

function percentOf(done: number, total: number): number {
  return total === 0 ? 100 : Math.floor((done / total) * 100)
}

function RowActions({
  upload: { id, name, state, mayRetry, hasHandle },
  upload,
  choose,
  read,
}: {
  readonly upload: Upload
  readonly choose: (upload: Upload) => void
  readonly read: (upload: Upload) => Promise<void>
}) {
  const of = name.slice(0, 200)
  return (
    <>
      {(state === 'moving' || state === 'waiting') && (
        <Button kind="quiet" icon="pause" aria-label={`Pause ${of}`} onClick={() => pause(id)} />
      )}
      {state === 'paused' && (
        <Button kind="quiet" icon="play" aria-label={`Resume ${of}`} onClick={() => resume(id)} />
      )}
      {state === 'interrupted' && hasHandle && (
        <Button kind="quiet" icon="play" aria-label={`Resume ${of}`} onClick={() => void read(upload)} />
      )}
      {state === 'interrupted' && (
        <Button kind="quiet" icon="files" aria-label={`Choose ${of} again`} onClick={() => choose(upload)} />
      )}
      {state === 'failed' && mayRetry && (
        <Button kind="quiet" icon="retry" aria-label={`Retry ${of}`} onClick={() => retry(id)} />
      )}
      <Button
        kind="quiet"
        icon="close"
        aria-label={`${isOver(upload) ? 'Remove' : 'Cancel'} ${of}`}
        onClick={() => remove(id)}
      />
    </>
  )
}
