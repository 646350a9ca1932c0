import { useSignal } from '@preact/signals'
import type { FileBody } from '../../api/bodies.ts'
import { api } from '../../api/client.ts'
import { useResource } from '../../api/resource.ts'
import type { PageProps } from '../../pages.ts'
import { Failure } from '../../ui/failure.tsx'
import { PageFrame, Section } from '../../ui/page.tsx'
import { visible } from '../../ui/text.tsx'
import { Details } from './details.tsx'
import { Dialects } from './dialects.tsx'
import { FileActions, Summary } from './header.tsx'
import { Life } from './life.tsx'
import { Links } from './links.tsx'
import { Preview } from './preview/preview.tsx'

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
    <PageFrame title={visible(file.name)} actions={<FileActions file={file} />}>
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
