import type { ComponentChildren } from 'preact'
import { CopyButton } from '../../ui/copy.tsx'
import { countOf, Name, sizeOf, Time } from '../../ui/text.tsx'
import styles from './details.module.css'
import { EditableLabels } from './labels.tsx'
import { EditableText, type FileProps } from './texts.tsx'

export function Details({ file, onFile }: FileProps) {
  const { id, project, sizeBytes, mimeType, sha256, md5, externalId, createdBy, updatedAt } = file
  const canEdit = file.state === 'stored'
  const text = (field: 'name' | 'description' | 'purpose', label: string, said: string) =>
    canEdit ? (
      <EditableText file={file} onFile={onFile} field={field} label={label} said={said} />
    ) : (
      <Name text={file[field] ?? '–'} />
    )
  return (
    <dl class={styles.facts}>
      <Fact term="Name">{text('name', 'Name', 'Renamed')}</Fact>
      <Fact term="Labels">{canEdit && <EditableLabels file={file} onFile={onFile} />}</Fact>
      <Fact term="Description">{text('description', 'Description', 'Description changed')}</Fact>
      <Fact term="Purpose">{text('purpose', 'Purpose', 'Purpose changed')}</Fact>
      <Fact term="ID">
        <Copied text={id} what="the ID" />
      </Fact>
      <Fact term="Project" isPlain>
        <bdi>{project.slug}</bdi>
      </Fact>
      <Fact term="Type" isPlain>
        <bdi>{mimeType}</bdi>
      </Fact>
      <Fact term="Size" isPlain>
        {sizeOf(sizeBytes)}
        {sizeBytes >= 1000 && <span class={styles.soft}> ({countOf(sizeBytes)} bytes)</span>}
      </Fact>
      {sha256 !== null && (
        <Fact term="SHA-256">
          <Copied text={sha256} what="the SHA-256" />
        </Fact>
      )}
      {md5 !== null && (
        <Fact term="MD5">
          <Copied text={md5} what="the MD5" />
        </Fact>
      )}
      {externalId !== null && (
        <Fact term="External ID">
          <Copied text={externalId} what="the external ID" />
        </Fact>
      )}
      <Fact term="Came through" isPlain>
        {file.dialect ?? 'not known'}
      </Fact>
      <Fact term="Created by" isPlain>
        <bdi>{createdBy}</bdi>
        {file.visibility === 'subject' && <span class={styles.soft}>, who alone sees it besides admins</span>}
      </Fact>
      <Fact term="Changed" isPlain>
        <Time iso={updatedAt} />
      </Fact>
    </dl>
  )
}

interface FactProps {
  readonly term: string
  /** It has no control, which would keep it apart from the lines. */
  readonly isPlain?: true
  readonly children: ComponentChildren
}

function Fact({ term, isPlain, children }: FactProps) {
  return (
    <>
      <dt>{term}</dt>
      <dd>{isPlain ? <span class={styles.plain}>{children}</span> : children}</dd>
    </>
  )
}

function Copied({ text, what }: { readonly text: string; readonly what: string }) {
  return (
    <span class={styles.copied}>
      <bdi class={styles.code}>{text}</bdi>
      <CopyButton text={text} what={what} />
    </span>
  )
}
