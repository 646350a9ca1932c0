import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { useResource } from '../../../api/resource.ts'
import { Failure } from '../../../ui/failure.tsx'
import { sizeOf } from '../../../ui/text.tsx'
import { contentOf } from './content.ts'
import { essenceOf } from './kind.ts'
import styles from './preview.module.css'
import { type PreviewProps, Unseen } from './preview.tsx'
import { scrollable } from './text.tsx'

/** All of it has to be in memory. */
const MAX_IMAGE_BYTES = 32_000_000
/** Of its height to its width. What is longer, as pictures of whole web pages are, is scrolled, or it would be a line. */
const MAX_RATIO = 3

/** An image is a `blob:` URL in an `<img>`: of an SVG, no script runs there and nothing is loaded. */
export function ImagePreview(props: PreviewProps) {
  if (props.sizeBytes > MAX_IMAGE_BYTES)
    return <Unseen why={`Images of more than ${sizeOf(MAX_IMAGE_BYTES)} are not shown.`} {...props} />
  return <LoadedImage {...props} />
}

function LoadedImage(props: PreviewProps) {
  const { id, mimeType } = props
  const { value, error, reload } = useResource((signal) => contentOf(id, signal))
  const url = useSignal<string | undefined>(undefined)
  const isBroken = useSignal(false)
  const isLong = useSignal(false)
  const bytes = value.value
  useEffect(() => {
    if (bytes === undefined) return
    const made = URL.createObjectURL(new Blob([bytes], { type: essenceOf(mimeType) }))
    url.value = made
    return () => URL.revokeObjectURL(made)
  }, [bytes, mimeType, url])
  if (error.value !== undefined) return <Failure what="Preview" error={error.value} retry={reload} />
  if (isBroken.value) return <Unseen why="The browser cannot draw this image." {...props} />
  if (url.value === undefined) return <p class={styles.unseen}>Loading…</p>
  const shown = url.value
  return (
    <div class={isLong.value ? styles.long : undefined} {...(isLong.value ? scrollable('The image') : {})}>
      <img
        class={styles.image}
        src={shown}
        alt="Content of the file"
        onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) => {
          isLong.value = naturalHeight > naturalWidth * MAX_RATIO
          // Once it is drawn, its address leads nowhere: opened by itself, an SVG would be a document.
          URL.revokeObjectURL(shown)
        }}
        onError={() => {
          isBroken.value = true
        }}
      />
    </div>
  )
}
