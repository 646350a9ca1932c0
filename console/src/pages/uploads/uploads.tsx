import { useSignal } from '@preact/signals'
import { me } from '../../session.ts'
import { Button } from '../../ui/button.tsx'
import { CopyText } from '../../ui/copy.tsx'
import { Empty } from '../../ui/empty.tsx'
import { SelectField } from '../../ui/field.tsx'
import { PageFrame, Section } from '../../ui/page.tsx'
import { addAll } from './add.ts'
import { summary } from './entries.ts'
import { chooseFiles } from './gather.ts'
import { Pending } from './pending.tsx'
import { QueueTable } from './queue-table.tsx'
import { QueueTotal } from './queue-total.tsx'
import { chooseTarget, targetProject } from './target.ts'
import styles from './uploads.module.css'

/** The queue of this page, and below it what the server waits for, from whomever. */
export function UploadsPage() {
  const isEmpty = Object.values(summary.value.counts).every((count) => count === 0)
  return (
    <PageFrame
      title="Uploads"
      actions={
        <>
          <Button icon="projects" onClick={() => chooseFiles('folder', addAll)}>
            Choose a folder
          </Button>
          <Button kind="main" icon="upload" onClick={() => chooseFiles('files', addAll)}>
            Choose files
          </Button>
        </>
      }
    >
      <Target />
      {isEmpty ? (
        <FirstUpload />
      ) : (
        <Section title="Queue">
          <QueueTotal />
          <QueueTable />
        </Section>
      )}
      <Pending />
    </PageFrame>
  )
}

function Target() {
  const projects = me.value?.projects ?? []
  if (projects.length < 2)
    return (
      <p class={styles.hint}>
        Drop files anywhere in the console: they go to <bdi>{targetProject.value?.slug}</bdi>.
      </p>
    )
  return (
    <div class={styles.target}>
      <SelectField
        label="Upload to"
        hint="Files can be dropped anywhere in the console."
        options={projects.map(({ id, slug }) => ({ value: id, label: slug }))}
        value={targetProject.value?.id ?? ''}
        onChoice={chooseTarget}
      />
    </div>
  )
}

function FirstUpload() {
  const isShown = useSignal(false)
  const { publicUrl = '' } = me.value ?? {}
  const project = targetProject.value?.slug ?? ''
  const command = `curl -sS -i -X POST '${publicUrl}/tus' -H "Authorization: Bearer $KEY" \\
  -H 'Tus-Resumable: 1.0.0' -H 'Content-Type: application/offset+octet-stream' \\
  -H "Upload-Length: $(wc -c <report.pdf | tr -d ' ')" -H 'Upload-Offset: 0' \\
  -H "Upload-Metadata: filename $(printf report.pdf | base64),project $(printf '${project}' | base64)" \\
  --data-binary @report.pdf`
  return (
    <Empty title="Nothing is being uploaded from this page">
      <p>
        Drop files or folders here, or choose them. They go on while you look at other pages, and after a
        broken connection from where they were.
      </p>
      {isShown.value ? (
        <CopyText text={command} what="the command" />
      ) : (
        <Button
          onClick={() => {
            isShown.value = true
          }}
        >
          Upload by the command line instead
        </Button>
      )}
    </Empty>
  )
}
