import type { FileBody } from '../../api/bodies.ts'
import { addressOf } from '../../api/client.ts'
import { go } from '../../router.ts'
import { mayChange, pathTo } from '../../session.ts'
import type { IconName } from '../../ui/icon.tsx'

/** What can be done with files. */
export type FileAction = 'open' | 'download' | 'rename' | 'label' | 'expire' | 'delete'

export interface ActionItem {
  readonly action: FileAction
  readonly label: string
  readonly icon: IconName
  readonly isDanger?: boolean
}

const ONE: readonly ActionItem[] = [
  { action: 'open', label: 'Open', icon: 'files' },
  { action: 'download', label: 'Download', icon: 'download' },
]
const CHANGE_ONE: ActionItem = { action: 'rename', label: 'Rename', icon: 'rename' }
const CHANGES: readonly ActionItem[] = [
  { action: 'label', label: 'Labels', icon: 'label' },
  { action: 'expire', label: 'Set end', icon: 'clock' },
  { action: 'delete', label: 'Delete', icon: 'trash', isDanger: true },
]

/** What the caller may do with so many files. */
export function fileActions(count: number): readonly ActionItem[] {
  const changes = count === 1 ? [CHANGE_ONE, ...CHANGES] : CHANGES
  return [...(count === 1 ? ONE : []), ...(mayChange.value ? changes : [])]
}

export function openFile({ id }: FileBody): void {
  go(pathTo(`files/${id}`))
}

/** The browser saves it; the console reads none of it. */
export function downloadFile({ id, name }: FileBody): void {
  const link = document.createElement('a')
  link.href = addressOf(`files/${id}/content`)
  link.download = name
  link.click()
}
