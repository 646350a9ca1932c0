import { useSignal } from '@preact/signals'
import type { FileBody } from '../../api/bodies.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog, DialogActions } from '../../ui/dialog.tsx'
import { reasonOf } from '../../ui/failure.tsx'
import { TextField } from '../../ui/field.tsx'
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
  const error = useSignal<string | undefined>(undefined)
  const isBusy = useSignal(false)
  if (file === undefined) return null
  const submit = async (event: Event) => {
    event.preventDefault()
    if (isBusy.value) return
    isBusy.value = true
    error.value = undefined
    try {
      if (name.value !== file.name) await changeFile(view, file, { name: name.value }, 'renamed')
      onClose()
    } catch (reason) {
      error.value = reasonOf(reason)
      isBusy.value = false
    }
  }
  return (
    <Dialog title="Rename" onClose={onClose}>
      <form onSubmit={submit}>
        <TextField
          label="Name"
          value={name.value}
          error={error.value}
          onText={(text) => {
            name.value = text
          }}
        />
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="main" type="submit" isBusy={isBusy.value}>
            Rename
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}
