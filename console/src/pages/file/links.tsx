import { useSignal } from '@preact/signals'
import type { FileBody, Page } from '../../api/bodies.ts'
import { ApiError, api } from '../../api/client.ts'
import { useResource } from '../../api/resource.ts'
import { mayChange } from '../../session.ts'
import { Button } from '../../ui/button.tsx'
import { confirm } from '../../ui/confirm.tsx'
import { CopyButton } from '../../ui/copy.tsx'
import { Failure } from '../../ui/failure.tsx'
import { SelectField, TextField } from '../../ui/field.tsx'
import { useForm } from '../../ui/form.tsx'
import { fromNow, Time } from '../../ui/text.tsx'
import { toast } from '../../ui/toast.tsx'
import styles from './links.module.css'

/** A URL that downloads the file without a key. */
interface LinkBody {
  readonly id: string
  readonly url: string
  readonly createdAt: string
  readonly expiresAt: string
  readonly createdBy: string
}

export function Links({ file }: { readonly file: FileBody }) {
  const path = `files/${file.id}/links`
  const { value, error, reload } = useResource((signal) => api.get<Page<'links', LinkBody>>(path, { signal }))
  const newest = useSignal<string | undefined>(undefined)
  const links = value.value?.links ?? []
  return (
    <>
      <p class={styles.about}>Whoever has a link downloads the file without a key, until the link ends.</p>
      {mayChange.value && (
        <NewLink
          path={path}
          onMade={({ id }) => {
            newest.value = id
            reload()
          }}
        />
      )}
      {error.value !== undefined && <Failure what="Links" error={error.value} retry={reload} />}
      <ul class={styles.links} aria-label="Links">
        {links.map((link) => (
          <LinkRow key={link.id} path={path} link={link} isNew={link.id === newest.value} onEnd={reload} />
        ))}
      </ul>
    </>
  )
}

interface LinkRowProps {
  readonly path: string
  readonly link: LinkBody
  readonly isNew: boolean
  readonly onEnd: () => void
}

function LinkRow({ path, link: { id, url, expiresAt, createdBy }, isNew, onEnd }: LinkRowProps) {
  const error = useSignal<unknown>(undefined)
  const end = async () => {
    const title = 'End this link?'
    const body = <p>It stops working at once, for everybody who has it.</p>
    if (!(await confirm({ title, body, action: 'End the link', isDanger: true }))) return
    try {
      await api.delete(`${path}/${id}`)
      toast({ text: 'The link has ended' })
      onEnd()
    } catch (reason) {
      // Somebody else was faster.
      if (reason instanceof ApiError && reason.code === 'link_not_found') onEnd()
      else error.value = reason
    }
  }
  return (
    <li class={isNew ? styles.new : styles.link}>
      <div class={styles.address}>
        <bdi class={styles.url}>{url}</bdi>
        <CopyButton text={url} what="the link" />
        {mayChange.value && <Button kind="quiet" icon="trash" aria-label="End the link" onClick={end} />}
      </div>
      <p class={styles.about}>
        Ends {fromNow(expiresAt)}, <Time iso={expiresAt} />; made by <bdi>{createdBy}</bdi>
      </p>
      {error.value !== undefined && <Failure error={error.value} retry={end} />}
    </li>
  )
}

const units = [
  { value: '60', label: 'minutes' },
  { value: '3600', label: 'hours' },
  { value: '86400', label: 'days' },
]

interface NewLinkProps {
  readonly path: string
  readonly onMade: (link: LinkBody) => void
}

function NewLink({ path, onMade }: NewLinkProps) {
  const count = useSignal('1')
  const unit = useSignal('3600')
  const form = useForm('expiresInSeconds')
  const make = async () => {
    const expiresInSeconds = Math.round(Number(count.value) * Number(unit.value))
    onMade(await api.post<LinkBody>(path, { expiresInSeconds }))
    toast({ text: 'The link is ready to be copied' })
  }
  return (
    <>
      <form class={styles.form} aria-label="New link" onSubmit={(event) => form.send(event, make)}>
        <TextField
          label="It works for"
          type="number"
          min={1}
          value={count.value}
          error={form.errorOf('expiresInSeconds') && 'A link lives from 1 minute to 7 days.'}
          isRequired
          onText={(text) => {
            count.value = text
          }}
        />
        <SelectField
          label="Unit"
          options={units}
          value={unit.value}
          onChoice={(value) => {
            unit.value = value
          }}
        />
        <Button type="submit" icon="link" isBusy={form.isBusy()}>
          Make a link
        </Button>
      </form>
      {form.error() !== undefined && <Failure error={form.error()} />}
    </>
  )
}
