import { serverInfo } from '../../api/server-info.ts'
import { mayChange, me, projectForNew } from '../../session.ts'
import { Button } from '../../ui/button.tsx'
import { CopyButton, CopyText } from '../../ui/copy.tsx'
import { Empty } from '../../ui/empty.tsx'
import styles from './empty-files.module.css'
import { clearFilters, type FilesQuery, isFiltered } from './query.ts'

export interface EmptyFilesProps {
  readonly query: FilesQuery
  readonly onUpload: () => void
}

/** Where a list of files would be: nothing matches, or nothing is there, which is when one learns how to begin. */
export function EmptyFiles({ query, onUpload }: EmptyFilesProps) {
  if (isFiltered(query) || query.name !== '')
    return (
      <div class={styles.place}>
        <Empty title="No file matches">
          <Button icon="close" onClick={clearFilters}>
            Clear search and filters
          </Button>
        </Empty>
      </div>
    )
  return (
    <div class={styles.place}>
      <Empty title="No files yet">
        {mayChange.value && <FirstUpload onUpload={onUpload} />}
        <BaseUrls />
      </Empty>
    </div>
  )
}

function FirstUpload({ onUpload }: Pick<EmptyFilesProps, 'onUpload'>) {
  const url = me.value?.publicUrl ?? ''
  const command = `npx entrepot file put report.pdf --url ${url} --key "$KEY" --project ${projectForNew.value}`
  return (
    <>
      <p>
        Drop files anywhere on this page, or choose some. They can be read through every API of this server.
      </p>
      <Button kind="main" icon="upload" onClick={onUpload}>
        Choose files
      </Button>
      <p>From a shell:</p>
      <CopyText text={command} what="the command" />
    </>
  )
}

/** Where SDKs find this server. */
function BaseUrls() {
  const urls = Object.entries(serverInfo.value?.baseUrls ?? {})
  if (urls.length === 0) return null
  return (
    <>
      <p>Or give an SDK its base URL here, and a key of this server:</p>
      <dl class={styles.urls}>
        {urls.map(([name, url]) => (
          <div key={name} class={styles.url}>
            <dt>{name}</dt>
            <dd>
              <code>{url}</code>
              <CopyButton text={url} what={`the base URL of ${name}`} />
            </dd>
          </div>
        ))}
      </dl>
    </>
  )
}
