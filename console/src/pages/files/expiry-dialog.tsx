import { useSignal } from '@preact/signals'
import { Button } from '../../ui/button.tsx'
import { Dialog, DialogActions } from '../../ui/dialog.tsx'
import { reasonOf } from '../../ui/failure.tsx'
import { SelectField, TextField } from '../../ui/field.tsx'
import { changeFile, changeFiles } from './change-files.ts'
import type { FileDialogProps } from './rename-dialog.tsx'

const HOUR_MS = 3_600_000
const CHOICES = [
  { value: 'never', label: 'Never' },
  { value: '1', label: 'In an hour' },
  { value: '24', label: 'In a day' },
  { value: '168', label: 'In 7 days' },
  { value: '720', label: 'In 30 days' },
  { value: 'time', label: 'At a time…' },
]

/** When files end by themselves. */
export function ExpiryDialog({ view, files, onClose }: FileDialogProps) {
  const [file] = files
  const choice = useSignal(file?.expiresAt ? 'time' : 'never')
  const time = useSignal(localTime(file?.expiresAt ?? new Date(Date.now() + 24 * HOUR_MS).toISOString()))
  const error = useSignal<string | undefined>(undefined)
  const isBusy = useSignal(false)
  const submit = async (event: Event) => {
    event.preventDefault()
    if (isBusy.value || file === undefined) return
    const end = endOf(choice.value, time.value)
    if (end === undefined) {
      error.value = 'Choose a day and a time.'
      return
    }
    const change = { expiresAt: end.at }
    const done = end.at === null ? 'kept until deleted' : 'given an end'
    if (files.length > 1) {
      onClose()
      return void changeFiles(view, files, { changeOf: () => change, done })
    }
    isBusy.value = true
    error.value = undefined
    try {
      await changeFile(view, file, change, done)
      onClose()
    } catch (reason) {
      error.value = reasonOf(reason)
      isBusy.value = false
    }
  }
  return (
    <Dialog title={files.length === 1 ? 'When it ends' : `When ${files.length} files end`} onClose={onClose}>
      <form onSubmit={submit}>
        <SelectField
          label="Ends"
          options={CHOICES}
          value={choice.value}
          error={choice.value === 'time' ? undefined : error.value}
          onChoice={(value) => {
            choice.value = value
          }}
        />
        {choice.value === 'time' && (
          <TextField
            label="Time, in your zone"
            type="datetime-local"
            value={time.value}
            error={error.value}
            onText={(value) => {
              time.value = value
            }}
          />
        )}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="main" type="submit" isBusy={isBusy.value}>
            Save
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}

/** @returns undefined where no time was chosen */
function endOf(choice: string, time: string): { readonly at: string | null } | undefined {
  if (choice === 'never') return { at: null }
  const ms = choice === 'time' ? new Date(time).getTime() : Date.now() + Number(choice) * HOUR_MS
  return Number.isNaN(ms) ? undefined : { at: new Date(ms).toISOString() }
}

/** As `datetime-local` has it: without a zone, in the reader's. */
function localTime(iso: string): string {
  const date = new Date(iso)
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
