import { useSignal } from '@preact/signals'
import type { FileBody } from '../../api/bodies.ts'
import { addressOf, api } from '../../api/client.ts'
import { go } from '../../router.ts'
import { mayChange, me, pathTo } from '../../session.ts'
import { Button } from '../../ui/button.tsx'
import { confirm } from '../../ui/confirm.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Failure } from '../../ui/failure.tsx'
import { SelectField, TextField } from '../../ui/field.tsx'
import { DialogForm, useForm } from '../../ui/form.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Name, sizeOf } from '../../ui/text.tsx'
import { toast } from '../../ui/toast.tsx'
import styles from './header.module.css'

/** What it is, on one line. */
export function Summary({ file }: { readonly file: FileBody }) {
  const { project, mimeType, sizeBytes, state } = file
  return (
    <p class={styles.summary}>
      <bdi>{mimeType}</bdi>
      <span>{sizeOf(sizeBytes)}</span>
      <span>
        in <bdi>{project.slug}</bdi>
      </span>
      {state === 'pending' && <span class={styles.pending}>upload under way</span>}
    </p>
  )
}

/** Download, copy and delete. */
export function FileActions({ file }: { readonly file: FileBody }) {
  const isCopying = useSignal(false)
  const isPending = file.state === 'pending'
  return (
    <>
      {!isPending && (
        <a class={styles.download} href={addressOf(`files/${file.id}/content`)} download>
          <Icon name="download" />
          Download
        </a>
      )}
      {mayChange.value && !isPending && (
        <Button
          icon="copy"
          onClick={() => {
            isCopying.value = true
          }}
        >
          Copy to…
        </Button>
      )}
      {mayChange.value && <Delete file={file} />}
      {isCopying.value && (
        <CopyDialog
          file={file}
          onClose={() => {
            isCopying.value = false
          }}
        />
      )}
    </>
  )
}

function Delete({ file }: { readonly file: FileBody }) {
  const error = useSignal<unknown>(undefined)
  const isBusy = useSignal(false)
  const remove = async () => {
    const isPending = file.state === 'pending'
    const body = (
      <p>
        <Name text={file.name} /> is gone for every API and every link at once. This cannot be undone.
      </p>
    )
    const title = isPending ? 'End this upload?' : 'Delete this file?'
    if (!(await confirm({ title, body, action: isPending ? 'End the upload' : 'Delete', isDanger: true })))
      return
    isBusy.value = true
    error.value = undefined
    try {
      await api.delete(`files/${file.id}`)
      toast({ text: 'Deleted' })
      go(pathTo(''))
    } catch (reason) {
      error.value = reason
    } finally {
      isBusy.value = false
    }
  }
  return (
    <>
      <Button icon="trash" isBusy={isBusy.value} onClick={remove}>
        Delete
      </Button>
      {error.value !== undefined && <Failure error={error.value} retry={remove} />}
    </>
  )
}

interface CopyDialogProps {
  readonly file: FileBody
  readonly onClose: () => void
}

function CopyDialog({ file, onClose }: CopyDialogProps) {
  const projects = me.value?.projects ?? []
  const target = useSignal(projects.find(({ id }) => id !== file.project.id)?.slug ?? file.project.slug)
  const name = useSignal(file.name)
  const form = useForm('project', 'name')
  const copy = async () => {
    const made = await api.post<FileBody>(`files/${file.id}/copies`, {
      project: target.value,
      ...(name.value === file.name ? {} : { name: name.value }),
    })
    onClose()
    toast({ text: `Copied to ${target.value}` })
    go(pathTo(`files/${made.id}`))
  }
  return (
    <Dialog title="Copy to a project" onClose={onClose}>
      <DialogForm form={form} action="Copy" onSubmit={copy} onClose={onClose}>
        <SelectField
          label="Project"
          options={projects.map(({ slug }) => ({ value: slug, label: slug }))}
          value={target.value}
          error={form.errorOf('project')}
          onChoice={(slug) => {
            target.value = slug
          }}
        />
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
