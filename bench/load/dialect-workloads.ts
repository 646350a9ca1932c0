import { ROOT_KEY } from '../../test/faults/server-process.ts'
import { patternPieces } from './pattern.ts'
import { pathOf, requestBytes } from './request.ts'
import { authorization, BOUNDARY, FILES, formFile, linkOf, wholeFile } from './whole-file.ts'
import { sendPattern, type Target, type Workload } from './workload.ts'

/** The whole file as a form, Anthropic's way. */
export function anthropicForm(target: Target): Workload {
  return formFile(target, FILES, { 'anthropic-version': '2026-10-21', 'x-api-key': ROOT_KEY }, {})
}

/** The whole file as a form, OpenAI's way. */
export function openaiForm(target: Target): Workload {
  const headers = { authorization, 'user-agent': 'OpenAI/JS 7.57.0' }
  return formFile(target, FILES, headers, { purpose: 'user_data' })
}

/** The whole file as a form, Mistral's way. */
export function mistralForm(target: Target): Workload {
  const headers = { authorization, 'user-agent': 'mistral-client-typescript/2.7.0' }
  return formFile(target, FILES, headers, { purpose: 'ocr' })
}

const GEMINI_UPLOADS = '/upload/v1beta/files'
const gemini = { 'x-goog-api-key': ROOT_KEY }
const JSON_TYPE = 'application/json'
const BYTES_TYPE = 'application/octet-stream'
const METADATA = JSON.stringify({ file: { displayName: 'bench.bin' } })

/** The whole file as multipart/related behind its metadata, Gemini's way for small files. */
export function geminiRelated({ url, sizeBytes }: Target): Workload {
  const start = [
    `--${BOUNDARY}\r\ncontent-type: ${JSON_TYPE}\r\n\r\n${METADATA}\r\n`,
    `--${BOUNDARY}\r\ncontent-type: ${BYTES_TYPE}\r\n\r\n`,
  ].join('')
  const end = `\r\n--${BOUNDARY}--\r\n`
  function* pieces() {
    yield* patternPieces(0, sizeBytes)
    yield Buffer.from(end)
  }
  return wholeFile(url, GEMINI_UPLOADS, {
    headers: {
      ...gemini,
      'x-goog-upload-protocol': 'multipart',
      'content-type': `multipart/related; boundary=${BOUNDARY}`,
    },
    start,
    bytes: start.length + sizeBytes + end.length,
    pieces,
    idIn: geminiIdIn,
  })
}

/** A start, and an upload of all bytes that finalizes: as Gemini's SDKs upload. */
export function geminiStart({ url, sizeBytes }: Target): Workload {
  const start = requestBytes(
    'POST',
    GEMINI_UPLOADS,
    {
      ...gemini,
      'content-type': JSON_TYPE,
      'x-goog-upload-protocol': 'resumable',
      'x-goog-upload-command': 'start',
      'x-goog-upload-header-content-length': sizeBytes,
      'x-goog-upload-header-content-type': BYTES_TYPE,
    },
    METADATA,
  )
  const all = { 'x-goog-upload-command': 'upload, finalize', 'x-goog-upload-offset': 0, ...gemini }
  return {
    async run(connection) {
      const target = pathOf((await connection.ask(start)).field('x-goog-upload-url'))
      return geminiIdIn((await sendPattern(connection, ['POST', target, all], 0, sizeBytes)).text)
    },
    locate: (id) => linkOf(url, id),
  }
}

/** Other dialects read `files/` and digits, but a path of theirs has no room for the slash. */
function geminiIdIn(answer: string): string {
  return encodeURIComponent(JSON.parse(answer).file.name)
}
