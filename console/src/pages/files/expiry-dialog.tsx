import { useSignal } from '@preact/signals'
import { Dialog } from '../../ui/dialog.tsx'
import { SelectField, TextField } from '../../ui/field.tsx'
import { DialogForm, useForm } from '../../ui/form.tsx'
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
  const form = useForm('expiresAt')
  const save = async () => {
    const end = endOf(choice.value, time.value)
    if (end === undefined) throw form.fault('expiresAt', 'Choose a day and a time.')
    const change = { expiresAt: end.at }
    const done = end.at === null ? 'kept until deleted' : 'given an end'
    const all = { changeOf: () => change, done }
    if (files.length > 1) void changeFiles(view, files, all)
    else if (file !== undefined) await changeFile(view, file, all)
    onClose()
  }
  return (
    <Dialog title={files.length === 1 ? 'When it ends' : `When ${files.length} files end`} onClose={onClose}>
      <DialogForm form={form} action="Save" onSubmit={save} onClose={onClose}>
        <SelectField
          label="Ends"
          options={CHOICES}
          value={choice.value}
          error={choice.value === 'time' ? undefined : form.errorOf('expiresAt')}
          onChoice={(value) => {
            choice.value = value
          }}
        />
        {choice.value === 'time' && (
          <TextField
            label="Time, in your zone"
            type="datetime-local"
            value={time.value}
            error={form.errorOf('expiresAt')}
            onText={(value) => {
              time.value = value
            }}
          />
        )}
      </DialogForm>
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
