import { useComputed, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { FileBody } from '../../api/bodies.ts'
import { turnOfAll } from '../../api/resource.ts'
import { loadServerInfo } from '../../api/server-info.ts'
import { project } from '../../session.ts'
import { confirm } from '../../ui/confirm.tsx'
import { useTitle } from '../../ui/page.tsx'
import { Name } from '../../ui/text.tsx'
import { addAll } from '../uploads/add.ts'
import { arrivals } from '../uploads/entries.ts'
import { chooseFiles } from '../uploads/gather.ts'
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
  const key = useComputed(() => JSON.stringify([filesQuery(), project.value, turnOfAll.value])).value
  const view = useView(key)
  const asked = useSignal<Asked | undefined>(undefined)
  useEffect(() => view.show(), [view])
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
  const upload = () => chooseFiles('files', addAll)
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

/**
 * A view lives as long as what it was asked for stays the same, and until files of this page's have been uploaded while none is
 * chosen.
 * @param key of the view, which the query is part of
 */
function useView(key: string): FilesView {
  const last = useRef<{ readonly key: string; readonly arrivals: number; readonly view: FilesView }>(null)
  const isOld =
    last.current?.key !== key ||
    (last.current.arrivals !== arrivals.value && last.current.view.selection.size.peek() === 0)
  if (isOld || last.current === null) last.current = { key, arrivals: arrivals.value, view: viewOf(key) }
  return last.current.view
}

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
