import { useSignal } from '@preact/signals'
import { api } from '../../api/client.ts'
import { loadMe } from '../../session.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { TextField } from '../../ui/field.tsx'
import { DialogForm, useForm } from '../../ui/form.tsx'
import { toast } from '../../ui/toast.tsx'

export interface NewTenantProps {
  readonly kind: 'organization' | 'project'
  /** Of a project: that of the organization, by its slug; undefined: the caller's own. */
  readonly organization?: string | undefined
  readonly onMade: () => void
  readonly onClose: () => void
}

const hints = {
  organization: 'It begins with a project, “default”, and no key.',
  project: 'Keys of admins get into it at once; others need a key of their own.',
} as const

/** Asks for the name of a new organization or project. */
export function NewTenant({ kind, organization, onMade, onClose }: NewTenantProps) {
  const slug = useSignal('')
  const form = useForm('slug')
  const make = async () => {
    const owner = organization === undefined ? {} : { organization }
    await api.post(`${kind}s`, { slug: slug.value, ...owner })
    toast({ text: `${slug.value} is made.` })
    // The projects that one may choose from.
    await loadMe()
    onMade()
    onClose()
  }
  return (
    <Dialog title={`New ${kind}`} onClose={onClose}>
      <DialogForm form={form} action={`Make ${kind}`} onSubmit={make} onClose={onClose}>
        <TextField
          label="Name"
          hint={hints[kind]}
          autocomplete="off"
          value={slug.value}
          error={form.errorOf('slug')}
          onText={(text) => {
            slug.value = text
          }}
        />
      </DialogForm>
    </Dialog>
  )
}
