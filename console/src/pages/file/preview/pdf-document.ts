import { AnnotationMode, GlobalWorkerOptions, getDocument, type PDFDocumentProxy, version } from 'pdfjs-dist'
import workerAddress from 'pdfjs-dist/build/pdf.worker.min.mjs?url'
import { addressOf } from '../../../api/client.ts'
import { startWorker } from '../../../worker.ts'

/** One request of a part of the file. */
const CHUNK_BYTES = 512 * 1024
/** A page may say that it is as large as a city. */
const MAX_CANVAS_PIXELS = 16_000_000
/** Of its height to its width. What is longer is drawn from its top on, or it would be a line, or fill a million screens. */
const MAX_RATIO = 10
/** Of what is drawn, in CSS pixels; the style sheet makes it narrower where there is less room. */
const WIDTH_PX = 900
/** Where the data is that a PDF may need; see the configuration of the build. */
const DATA = new URL(`assets/pdf-${version}/`, document.baseURI).href
const MAX_IMAGE_PIXELS = 64_000_000

/** Opens a PDF of which only the parts are loaded that the shown pages need. It is closed also while it opens. */
export function openPdf(id: string): {
  readonly document: Promise<PDFDocumentProxy>
  readonly close: () => void
} {
  const worker = startWorker(workerAddress)
  GlobalWorkerOptions.workerPort = worker
  const task = getDocument({
    url: addressOf(`files/${id}/content`),
    rangeChunkSize: CHUNK_BYTES,
    disableAutoFetch: true,
    disableStream: true,
    maxImageSize: MAX_IMAGE_PIXELS,
    cMapUrl: DATA,
    wasmUrl: DATA,
    // Neither forms that are programs nor code that is compiled.
    enableXfa: false,
    useWasm: false,
    disableWorkerRendering: true,
  })
  return {
    document: task.promise,
    close: () => {
      void task.destroy().finally(() => worker.terminate())
    },
  }
}

/** Draws a page, numbered from 1, as wide as the preview. Its promise tells whether that is all of it. */
export function drawPage(
  pdf: PDFDocumentProxy,
  number: number,
  canvas: HTMLCanvasElement,
): { readonly done: Promise<boolean>; readonly cancel: () => void } {
  let isCancelled = false
  let cancel = () => {}
  const draw = async () => {
    const page = await pdf.getPage(number)
    if (isCancelled) return true
    const { width, height } = page.getViewport({ scale: 1 })
    const shown = Math.min(height, width * MAX_RATIO)
    const wanted = (WIDTH_PX / width) * devicePixelRatio
    const most = Math.sqrt(MAX_CANVAS_PIXELS / (width * shown))
    const scale = Math.min(wanted, most)
    const viewport = page.getViewport({ scale })
    canvas.width = Math.ceil(width * scale)
    canvas.height = Math.ceil(shown * scale)
    const rendering = page.render({ canvas, viewport, annotationMode: AnnotationMode.ENABLE })
    cancel = () => rendering.cancel()
    await rendering.promise
    return shown === height
  }
  const done = draw().catch((error: unknown) => {
    if (!isCancelled) throw error
    return true
  })
  return {
    done,
    cancel: () => {
      isCancelled = true
      cancel()
    },
  }
}

/** What is written on a page, in the order of the file. */
export async function textOf(pdf: PDFDocumentProxy, number: number): Promise<string> {
  const { items } = await (await pdf.getPage(number)).getTextContent()
  return items.map((item) => ('str' in item ? item.str + (item.hasEOL ? '\n' : '') : '')).join('')
}
