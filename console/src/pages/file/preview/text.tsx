import { useResource } from '../../../api/resource.ts'
import { Failure } from '../../../ui/failure.tsx'
import { sizeOf } from '../../../ui/text.tsx'
import { contentOf } from './content.ts'
import { decode } from './decode.ts'
import styles from './preview.module.css'
import type { PreviewProps } from './preview.tsx'

const SHOWN_BYTES = 256 * 1024

/** The beginning of a text, as it is: HTML is its source. */
export function TextPreview({ id, mimeType, sizeBytes }: PreviewProps) {
  const { value, error, reload } = useResource(async (signal) =>
    decode(await contentOf(id, signal, SHOWN_BYTES), mimeType),
  )
  if (error.value !== undefined) return <Failure what="Preview" error={error.value} retry={reload} />
  if (value.value === undefined) return <p class={styles.unseen}>Loading…</p>
  const { text, encoding } = value.value
  const isCut = sizeBytes > SHOWN_BYTES
  return (
    <>
      <pre class={styles.text} dir="auto" {...scrollable('Text of the file')}>
        {text}
      </pre>
      <p class={styles.about}>
        {isCut ? `The first ${sizeOf(SHOWN_BYTES)} of ${sizeOf(sizeBytes)}` : 'All of it'}, read as {encoding}
      </p>
    </>
  )
}

/** What is taller than its place is scrolled by keyboard, too: a rule that knows only roles takes its place in the order of Tab for a fault. */
export function scrollable(label: string) {
  return { role: 'region', tabIndex: 0, 'aria-label': label } as const
}
