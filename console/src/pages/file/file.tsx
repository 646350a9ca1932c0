import { useSignal } from '@preact/signals'
import type { FileBody } from '../../api/bodies.ts'
import { api } from '../../api/client.ts'
import { useResource } from '../../api/resource.ts'
import type { PageProps } from '../../pages.ts'
import { Failure } from '../../ui/failure.tsx'
import { PageFrame, Section } from '../../ui/page.tsx'
import { Details } from './details.tsx'
import { Dialects } from './dialects.tsx'
import { FileActions, Summary } from './header.tsx'
import { Life } from './life.tsx'
import { Links } from './links.tsx'
import { Preview } from './preview/preview.tsx'

/** A title of 3,000 characters hides all else; the whole name is among the details. */
const MAX_TITLE_CHARACTERS = 200

/** One file: what it is and how it looks, what can be done with it, and how each API knows it. */
export function FilePage({ id }: PageProps) {
  const { value, error, reload } = useResource((signal) => api.get<FileBody>(`files/${id}`, { signal }))
  const changed = useSignal<FileBody | undefined>(undefined)
  const file = changed.value ?? value.value
  if (file === undefined)
    return (
      <PageFrame title="File">
        {error.value !== undefined && <Failure what="File" error={error.value} retry={reload} />}
      </PageFrame>
    )
  const onFile = (now: FileBody) => {
    changed.value = now
  }
  return (
    <PageFrame title={titleOf(file)} actions={<FileActions file={file} />}>
      <Summary file={file} />
      {file.state === 'stored' && (
        <Section title="Preview">
          <Preview id={file.id} mimeType={file.mimeType} sizeBytes={file.sizeBytes} />
        </Section>
      )}
      <Section title="Details">
        <Details file={file} onFile={onFile} />
      </Section>
      <Section title="Life">
        <Life file={file} onFile={onFile} />
      </Section>
      <Section title="IDs and programs">
        <Dialects file={file} />
      </Section>
      {file.state === 'stored' && (
        <Section title="Links">
          <Links file={file} />
        </Section>
      )}
    </PageFrame>
  )
}

function titleOf({ name }: FileBody): string {
  const characters = [...name]
  if (characters.length <= MAX_TITLE_CHARACTERS) return name || 'A file without a name'
  return `${characters.slice(0, MAX_TITLE_CHARACTERS).join('')}…`
}
