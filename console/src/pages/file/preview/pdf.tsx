import { useSignal } from '@preact/signals'
import type { PDFDocumentProxy } from 'pdfjs-dist'
import { useEffect, useRef } from 'preact/hooks'
import { ApiError } from '../../../api/client.ts'
import { useResource } from '../../../api/resource.ts'
import { Button } from '../../../ui/button.tsx'
import { Failure } from '../../../ui/failure.tsx'
import { countOf } from '../../../ui/text.tsx'
import { contentOf } from './content.ts'
import { drawPage, openPdf, textOf } from './pdf-document.ts'
import styles from './preview.module.css'
import { type PreviewProps, Unseen } from './preview.tsx'

/** A PDF, drawn page by page. Its scripts, forms and links do nothing. */
export function PdfPreview(props: PreviewProps) {
  const { value, error, reload } = useResource((signal) => load(props.id, signal))
  if (error.value instanceof ApiError) return <Failure what="Preview" error={error.value} retry={reload} />
  if (error.value !== undefined) return <Unseen why={faultOf(error.value)} {...props} />
  if (value.value === undefined) return <p class={styles.unseen}>Loading…</p>
  return <Pages pdf={value.value} />
}

/** @throws ApiError where its bytes did not come; what the library throws of a server that is away it throws of a broken file, too */
async function load(id: string, signal: AbortSignal): Promise<PDFDocumentProxy> {
  const { document, close } = openPdf(id)
  signal.addEventListener('abort', close, { once: true })
  try {
    return await document
  } catch (fault) {
    await contentOf(id, signal, 1)
    throw fault
  }
}

function faultOf(error: unknown): string {
  const isLocked = error instanceof Error && error.name === 'PasswordException'
  return isLocked ? 'This PDF asks for a password.' : 'This PDF cannot be read.'
}

function Pages({ pdf }: { readonly pdf: PDFDocumentProxy }) {
  const page = useSignal(1)
  const text = useSignal('')
  /** What is to be known of the drawing. */
  const note = useSignal('')
  const canvas = useRef<HTMLCanvasElement>(null)
  const number = page.value
  useEffect(() => {
    if (canvas.current === null) return
    note.value = ''
    text.value = ''
    const drawing = drawPage(pdf, number, canvas.current)
    drawing.done.then(
      (isWhole) => {
        if (!isWhole) note.value = 'This page is very long: only its top is shown.'
      },
      () => {
        note.value = 'This page cannot be drawn.'
      },
    )
    textOf(pdf, number).then(
      (found) => {
        if (page.value === number) text.value = found
      },
      () => {},
    )
    return drawing.cancel
  }, [pdf, number, page, text, note])
  const turn = (by: number) => {
    page.value = Math.min(Math.max(page.value + by, 1), pdf.numPages)
  }
  return (
    <>
      <div class={styles.pages}>
        <Button
          kind="quiet"
          icon="up"
          aria-label="Previous page"
          disabled={number === 1}
          onClick={() => turn(-1)}
        />
        <span aria-live="polite">
          Page {countOf(number)} of {countOf(pdf.numPages)}
        </span>
        <Button
          kind="quiet"
          icon="down"
          aria-label="Next page"
          disabled={number === pdf.numPages}
          onClick={() => turn(1)}
        />
      </div>
      {note.value && <p class={styles.unseen}>{note.value}</p>}
      <canvas ref={canvas} class={styles.canvas} role="img" aria-label={`Page ${number}`} />
      <details class={styles.about}>
        <summary>Text of this page</summary>
        <textarea
          class={styles.text}
          readOnly
          rows={12}
          dir="auto"
          aria-label="Text of this page"
          value={text.value || 'There is no text on this page.'}
        />
      </details>
    </>
  )
}
