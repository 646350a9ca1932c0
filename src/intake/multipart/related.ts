import { ServiceError } from '../../core/errors.ts'
import { splitParameters } from './headers.ts'
import { malformed } from './malformed.ts'
import { boundaryIn, defaultMultipartLimits } from './multipart.ts'
import { MultipartScanner } from './scanner.ts'

/** One of the parts of a body, which its place alone names. */
export interface RelatedPart {
  /** As declared, printable ASCII; undefined: it is not, or is empty. */
  readonly contentType: string | undefined
  /** Read once, and before the next part is asked for. A chunk's memory may be reused once the next is asked for. */
  readonly body: AsyncIterable<Uint8Array>
}

/** @throws ServiceError `body-type-unsupported`, `request-malformed` */
export function relatedBoundary(contentType = ''): string {
  const [type, parameters] = splitParameters(contentType, 'boundary')
  if (type !== 'multipart/related')
    throw new ServiceError('body-type-unsupported', 'Expected multipart/related')
  return boundaryIn(parameters)
}

/**
 * Reads a multipart/related body (RFC 2387) part by part, in the order sent. Asking for the next part skips the rest of one.
 * The source is closed at the end (`return`).
 * @param boundary as `relatedBoundary` has it
 * @param bodyBytes the most that the whole body may have
 * @throws ServiceError `request-malformed`, `body-too-large`; what the source throws
 */
export async function* parseRelated(
  boundary: string,
  source: AsyncIterable<Uint8Array>,
  bodyBytes: number,
): AsyncGenerator<RelatedPart, void, undefined> {
  const { parts, preambleBytes, ...limits } = defaultMultipartLimits
  const scanner = new MultipartScanner(source, boundary, bodyBytes)
  try {
    await scanner.skipPreamble(preambleBytes)
    for (let count = 1; !scanner.atEpilogue; count++) {
      if (count > parts) throw malformed(`The body has more than ${parts} parts`)
      yield { contentType: typeIn(await scanner.readHeader(limits)), body: piecesOf(scanner) }
      await scanner.skipContent()
    }
    await scanner.skipEpilogue()
  } finally {
    await scanner.close()
  }
}

async function* piecesOf(scanner: MultipartScanner): AsyncGenerator<Uint8Array, void, undefined> {
  for (let piece = await scanner.nextPiece(); piece !== undefined; piece = await scanner.nextPiece())
    yield piece
}

/** @throws ServiceError `request-malformed` on an encoding that would have to be undone */
function typeIn(lines: readonly Buffer[]): string | undefined {
  let contentType: string | undefined
  for (const line of lines) {
    const [, name = '', value = ''] = /^([^:\s]+):\s*(.*?)\s*$/.exec(line.toString('latin1')) ?? []
    const key = name.toLowerCase()
    if (key === '') throw malformed('A header line of a part cannot be read')
    if (key === 'content-type') contentType ??= value.replaceAll(/[^ -~]+/g, '')
    if (key === 'content-transfer-encoding' && !/^(?:binary|8bit|7bit)$/i.test(value))
      throw malformed('A part has a Content-Transfer-Encoding; send its bytes as they are')
  }
  return contentType || undefined
}
