import { useComputed, useSignal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import type { FileBody } from '../../api/bodies.ts'
import { loadServerInfo } from '../../api/server-info.ts'
import { go } from '../../router.ts'
import { pathTo, project } from '../../session.ts'
import { confirm } from '../../ui/confirm.tsx'
import { useTitle } from '../../ui/page.tsx'
import { Name } from '../../ui/text.tsx'
import { downloadFile, type FileAction, openFile } from './actions.ts'
import { BulkBar } from './bulk-bar.tsx'
import { deleteFiles } from './delete-files.ts'
import { EmptyFiles } from './empty-files.tsx'
import { ExpiryDialog } from './expiry-dialog.tsx'
import styles from './files.module.css'
import { Grid } from './grid.tsx'
import { LabelsDialog } from './labels-dialog.tsx'
import { filesQuery } from './query.ts'
import { RenameDialog } from './rename-dialog.tsx'
import { Toolbar } from './toolbar.tsx'
import { FilesView } from './view.ts'

/** What is asked in a dialog of its own. */
const DIALOGS = { rename: RenameDialog, label: LabelsDialog, expire: ExpiryDialog } as const

interface Asked {
  readonly dialog: keyof typeof DIALOGS
  readonly files: readonly FileBody[]
}

/** All files of the chosen project or projects: to look through, and to change many at once. */
export function FilesPage() {
  useTitle('Files')
  // A view lives as long as what it was asked for stays the same.
  const key = useComputed(() => JSON.stringify([filesQuery(), project.value])).value
  const view = useMemo(() => viewOf(key), [key])
  const asked = useSignal<Asked | undefined>(undefined)
  useEffect(() => () => view.list.stop(), [view])
  useEffect(() => void loadServerInfo().catch(() => {}), [])
  const act = (action: FileAction, files: readonly FileBody[]) => {
    const [file] = files
    if (file === undefined) return
    if (action === 'open') openFile(file)
    else if (action === 'download') downloadFile(file)
    else if (action === 'delete') void askToDelete(view, files)
    else asked.value = { dialog: action, files }
  }
  const Asked = asked.value && DIALOGS[asked.value.dialog]
  const upload = () => go(pathTo('uploads'))
  view.list.version.value
  const isEmpty = view.list.count === 0 && view.list.isWhole && view.list.error.value === undefined
  return (
    <>
      <div class={styles.page}>
        <Toolbar onUpload={upload} />
        {isEmpty ? (
          <EmptyFiles query={filesQuery()} onUpload={upload} />
        ) : (
          <Grid key={key} view={view} act={act} />
        )}
        <BulkBar view={view} act={act} />
      </div>
      {Asked && asked.value && (
        <Asked
          view={view}
          files={asked.value.files}
          onClose={() => {
            asked.value = undefined
          }}
        />
      )}
    </>
  )
}

/** @param key of the view, which the query is part of */
function viewOf(key: string): FilesView {
  const [query] = JSON.parse(key) as [ReturnType<typeof filesQuery>]
  return new FilesView(query)
}

async function askToDelete(view: FilesView, files: readonly FileBody[]): Promise<void> {
  const [file] = files
  const isOne = files.length === 1
  const isYes = await confirm({
    title: isOne ? 'Delete this file?' : `Delete ${files.length.toLocaleString()} files?`,
    body: (
      <p class={styles.question}>
        {isOne && file !== undefined && <Name text={file.name.slice(0, 300)} />}
        {isOne ? ' is' : 'They are'} gone for good then, through every API.
      </p>
    ),
    action: isOne ? 'Delete' : `Delete ${files.length.toLocaleString()}`,
    isDanger: true,
  })
  if (isYes) await deleteFiles(view, files)
}
