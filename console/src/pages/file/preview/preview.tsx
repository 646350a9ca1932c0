import { addressOf } from '../../../api/client.ts'
import { lazily } from '../../../lazily.tsx'
import { ImagePreview } from './image.tsx'
import { kindOf } from './kind.ts'
import styles from './preview.module.css'
import { TextPreview } from './text.tsx'

export interface PreviewProps {
  readonly id: string
  /** As it was declared. */
  readonly mimeType: string
  readonly sizeBytes: number
}

const PdfPreview = lazily(async () => (await import('./pdf.tsx')).PdfPreview)

/** What a file looks like. Nothing of it runs, and nothing of it becomes markup. */
export function Preview(props: PreviewProps) {
  const kind = kindOf(props.mimeType)
  if (props.sizeBytes === 0) return <p class={styles.unseen}>The file is empty.</p>
  if (kind === 'image') return <ImagePreview {...props} />
  if (kind === 'text') return <TextPreview {...props} />
  if (kind === 'pdf') return <PdfPreview {...props} />
  return <Unseen why="Files of this type have no preview." {...props} />
}

/** Says why there is nothing to see, and offers the bytes. */
export function Unseen({ why, id }: { readonly why: string } & Pick<PreviewProps, 'id'>) {
  return (
    <p class={styles.unseen}>
      {why}{' '}
      <a href={addressOf(`files/${id}/content`)} download>
        Download it
      </a>{' '}
      to look at it with a program of yours.
    </p>
  )
}
