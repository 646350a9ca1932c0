import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { Page, UploadBody } from '../../api/bodies.ts'
import { api } from '../../api/client.ts'
import { useResource } from '../../api/resource.ts'
import { project } from '../../session.ts'
import { Button } from '../../ui/button.tsx'
import { confirm } from '../../ui/confirm.tsx'
import { Failure, reasonOf } from '../../ui/failure.tsx'
import { Section } from '../../ui/page.tsx'
import { Progress } from '../../ui/progress.tsx'
import { type Column, Table } from '../../ui/table.tsx'
import { fromNow, Name, sizeOf } from '../../ui/text.tsx'
import { ownIds } from './queue.ts'
import styles from './uploads.module.css'

/** How often it is asked what has come, while the page is looked at. */
const EVERY_MS = 4000
const ROWS = 100

/** What the server waits for: uploads that other clients began, and other pages of this console. */
export function Pending() {
  const faults = useSignal<Readonly<Record<string, string>>>({})
  const limit = useSignal(ROWS)
  const loaded = useResource((signal) =>
    api.get<Page<'uploads', UploadBody>>('uploads', {
      query: { project: project.value, limit: Math.min(limit.value, 200) },
      signal,
    }),
  )
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible' && !loaded.isLoading.peek()) loaded.reload()
    }, EVERY_MS)
    return () => clearInterval(timer)
  }, [])
  const end = async (upload: UploadBody) => {
    if (!(await askToEnd(upload))) return
    try {
      await api.delete(`files/${upload.id}`)
      faults.value = { ...faults.value, [upload.id]: '' }
    } catch (error) {
      faults.value = { ...faults.value, [upload.id]: reasonOf(error) }
    }
    loaded.reload()
  }
  const page = loaded.value.value
  const own = ownIds()
  const others = page?.uploads.filter(({ id }) => !own.has(id)) ?? []
  return (
    <Section title="Other uploads under way">
      {loaded.error.value !== undefined && (
        <Failure what="Uploads of other clients" error={loaded.error.value} retry={loaded.reload} />
      )}
      {page !== undefined && others.length === 0 && (
        <p class={styles.hint}>No other client is uploading now, and no upload waits to be completed.</p>
      )}
      {others.length > 0 && (
        <Table
          label="Other uploads under way"
          columns={COLUMNS}
          rows={others}
          keyOf={({ id }) => id}
          errorOf={({ id }) => faults.value[id] || undefined}
          actions={(upload) => (
            <Button
              kind="quiet"
              icon="close"
              aria-label={`Cancel ${upload.name.slice(0, 200) || upload.id}`}
              onClick={() => void end(upload)}
            />
          )}
        />
      )}
      {page?.next != null && <p class={styles.more}>There are more, which are older.</p>}
    </Section>
  )
}

function askToEnd({ name }: UploadBody): Promise<boolean> {
  return confirm({
    title: 'Cancel this upload?',
    body: (
      <p>
        What has come of <Name text={name.slice(0, 500)} /> is deleted, and its client has to begin anew.
      </p>
    ),
    action: 'Cancel upload',
    isDanger: true,
  })
}

const COLUMNS: readonly Column<UploadBody>[] = [
  {
    name: 'Name',
    cell: ({ name }) => (
      <span class={styles.name} title={name.slice(0, 500)}>
        <Name text={name} />
      </span>
    ),
  },
  { name: 'Project', cell: (upload) => <bdi class={styles.slug}>{upload.project.slug}</bdi>, isMinor: true },
  { name: 'Begun by', cell: ({ createdBy }) => <bdi class={styles.slug}>{createdBy}</bdi>, isMinor: true },
  { name: 'Received', cell: (upload) => <Received upload={upload} /> },
  {
    name: 'Ends',
    cell: ({ uploadExpiresAt }) => (uploadExpiresAt === null ? '' : fromNow(uploadExpiresAt)),
    isMinor: true,
  },
]

function Received({ upload: { name, announcedBytes, receivedBytes } }: { readonly upload: UploadBody }) {
  if (announcedBytes === null) return <>{sizeOf(receivedBytes)}</>
  return (
    <div class={styles.howFar}>
      <Progress label={`Upload of ${name.slice(0, 200)}`} done={receivedBytes} total={announcedBytes} />
      <span class={styles.hint}>
        {sizeOf(receivedBytes)} of {sizeOf(announcedBytes)}
      </span>
    </div>
  )
}
