import { useSignal } from '@preact/signals'
import type { Held } from '../../access/bodies.ts'
import { api } from '../../api/client.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { TextField } from '../../ui/field.tsx'
import { DialogForm, useForm } from '../../ui/form.tsx'
import { countOf, sizeOf } from '../../ui/text.tsx'
import { toast } from '../../ui/toast.tsx'
import styles from './projects.module.css'
import { bytesIn, countIn, textOf } from './size-text.ts'

/** Who gets a quota. */
export interface Holder {
  readonly kind: 'organizations' | 'projects'
  readonly held: Held
}

export interface QuotaDialogProps {
  readonly holder: Holder
  readonly onSet: () => void
  readonly onClose: () => void
}

/** Asks for both bounds, which are replaced together. */
export function QuotaDialog({ holder: { kind, held }, onSet, onClose }: QuotaDialogProps) {
  const files = useSignal(held.quota.files === null ? '' : String(held.quota.files))
  const bytes = useSignal(textOf(held.quota.bytes))
  const form = useForm('files', 'bytes')
  const set = async () => {
    const bounds = { files: countIn(files.value), bytes: bytesIn(bytes.value) }
    if (bounds.files === undefined) throw form.fault('files', 'This is no whole number.')
    if (bounds.bytes === undefined) throw form.fault('bytes', 'This is no size like 50 GB.')
    await api.put(`quotas/${kind}/${held.id}`, bounds)
    toast({ text: `The quota of ${held.slug} is set.` })
    onSet()
    onClose()
  }
  return (
    <Dialog title={`Quota of ${held.slug}`} onClose={onClose}>
      <DialogForm form={form} action="Set quota" onSubmit={set} onClose={onClose}>
        <TextField
          label="Files"
          hint={`${countOf(held.usage.files)} are there. Empty: no bound.`}
          autocomplete="off"
          value={files.value}
          error={form.errorOf('files')}
          onText={(text) => {
            files.value = text
          }}
        />
        <TextField
          label="Size of all files"
          hint={`${sizeOf(held.usage.bytes)} are used. Like 500 MB or 50 GB; empty: no bound.`}
          autocomplete="off"
          value={bytes.value}
          error={form.errorOf('bytes')}
          onText={(text) => {
            bytes.value = text
          }}
        />
        <p class={styles.note}>
          Where more is used than a new bound allows, nothing is lost, and nothing is added until it is less.
        </p>
      </DialogForm>
    </Dialog>
  )
}
