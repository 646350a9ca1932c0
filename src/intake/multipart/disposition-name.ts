import { filenameIn } from './headers.ts'
import { parseParameters } from './parameters.ts'
import { decodeText } from './text.ts'

/**
 * The file name that the Content-Disposition of an answer (RFC 6266) gives, `filename*` first.
 * @param header as Node reads it, one character a byte
 * @returns undefined if there is none, or none that can be read
 */
export function dispositionName(header: string | undefined): string | undefined {
  if (header === undefined) return undefined
  const { text } = decodeText(Buffer.from(header, 'latin1'), undefined)
  const end = text.indexOf(';')
  if (end < 0) return undefined
  try {
    return filenameIn(parseParameters(text.slice(end), 'filename'), { escapesQuotes: false })
  } catch {
    // Nobody can be asked to mend it, and there are other names for the file.
    return undefined
  }
}
