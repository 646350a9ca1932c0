import { ROOT_KEY } from '../../test/faults/server-process.ts'
import { patternPieces } from './pattern.ts'
import { requestBytes } from './request.ts'
import { ONE_WRITE_BYTES, type Target, type Workload } from './workload.ts'

export const authorization = `Bearer ${ROOT_KEY}`
export const lightfield = { authorization, 'lightfield-version': '2026-03-01' }
export const FILES = '/v1/files'

/** A signed link to the bytes. Every dialect reads the ids of all. */
export async function linkOf(url: string, id: string): Promise<string> {
  const response = await fetch(`${url}${FILES}/${id}/url`, { headers: lightfield })
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`)
  return ((await response.json()) as { url: string }).url
}

export const BOUNDARY = 'entrepot-bench-boundary'

/** A file as a form with these fields before it. */
export function formFile(
  { url, sizeBytes }: Target,
  path: string,
  headers: Readonly<Record<string, string>>,
  fields: Readonly<Record<string, string>>,
): Workload {
  const disposition = (name: string) => `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"`
  const start = [
    ...Object.entries(fields).map(([name, value]) => `${disposition(name)}\r\n\r\n${value}\r\n`),
    `${disposition('file')}; filename="bench.bin"\r\ncontent-type: application/octet-stream\r\n\r\n`,
  ].join('')
  const end = `\r\n--${BOUNDARY}--\r\n`
  function* pieces() {
    yield* patternPieces(0, sizeBytes)
    yield Buffer.from(end)
  }
  return wholeFile(url, path, {
    headers: { ...headers, 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
    start,
    bytes: start.length + sizeBytes + end.length,
    pieces,
  })
}

export interface WholeFile {
  readonly headers: Readonly<Record<string, string>>
  readonly start: string
  /** Of the whole body. */
  readonly bytes: number
  readonly pieces: () => Iterable<Buffer>
  /** Of the answer; by default its `id`. */
  readonly idIn?: (answer: string) => string
}

export function wholeFile(
  url: string,
  path: string,
  { headers, start, bytes, pieces, idIn = (answer) => JSON.parse(answer).id }: WholeFile,
): Workload {
  const head = requestBytes('POST', path, { ...headers, 'content-length': bytes }, start)
  const small = bytes <= ONE_WRITE_BYTES ? Buffer.concat([head, ...pieces()]) : undefined
  return {
    async run(connection) {
      const asked = small === undefined ? connection.ask(head, { pieces: pieces() }) : connection.ask(small)
      return idIn((await asked).text)
    },
    locate: (id) => linkOf(url, id),
  }
}
