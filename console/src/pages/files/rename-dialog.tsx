import { useSignal } from '@preact/signals'
import { useLayoutEffect } from 'preact/hooks'
import type { FileBody } from '../../api/bodies.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { TextField } from '../../ui/field.tsx'
import { DialogForm, useForm } from '../../ui/form.tsx'
import { changeFile } from './change-files.ts'
import type { FilesView } from './view.ts'

export interface FileDialogProps {
  readonly view: FilesView
  readonly files: readonly FileBody[]
  readonly onClose: () => void
}

/** Of the first file. */
export function RenameDialog({ view, files: [file], onClose }: FileDialogProps) {
  const name = useSignal(file?.name ?? '')
  const form = useForm('name')
  useLayoutEffect(selectStem, [])
  const rename = async () => {
    if (file !== undefined && name.value !== file.name)
      await changeFile(view, file, { changeOf: () => ({ name: name.value }), done: 'renamed' })
    onClose()
  }
  return (
    <Dialog title="Rename" onClose={onClose}>
      <DialogForm form={form} action="Rename" onSubmit={rename} onClose={onClose}>
        <TextField
          label="Name"
          value={name.value}
          error={form.errorOf('name')}
          onText={(text) => {
            name.value = text
          }}
        />
      </DialogForm>
    </Dialog>
  )
}

/** The dialog has chosen all of the name by now; what is typed leaves the extension as it is. */
function selectStem(): void {
  const input = document.activeElement
  if (!(input instanceof HTMLInputElement)) return
  const dot = input.value.lastIndexOf('.')
  if (dot > 0) input.setSelectionRange(0, dot)
}
