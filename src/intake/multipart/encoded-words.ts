import { decodeAs } from './text.ts'

/** `=?charset?B or Q?text?=`, the text not empty; the charset may name a language (RFC 2047, section 2; RFC 2231, section 5). */
const word = /=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bq])\?([^?]+)\?=/gi
const run = new RegExp(`${word.source}(?:\\s*${word.source})*`, 'gi')
const base64 = /^[0-9A-Za-z+/]*={0,2}$/
/** Printable ASCII, in which `=` begins two digits (RFC 2047, section 4.2). */
const quotedPrintable = /^(?:[ -<>-~]|=[0-9A-Fa-f]{2})*$/

/**
 * Undoes RFC 2047, in which .NET and Java clients write names that are not ASCII. Blanks between two words are no part of
 * the text.
 * @returns the text as it is if one of its words cannot be read
 */
export function decodeEncodedWords(text: string): string {
  if (!text.includes('=?')) return text
  let isReadable = true
  const decoded = text.replace(run, (written) => {
    const meant = decodeRun(written)
    isReadable &&= meant !== undefined
    return meant ?? written
  })
  return isReadable ? decoded : text
}

/**
 * Words that follow each other are decoded together: some clients cut a character in two.
 * @returns undefined if a word cannot be read, or all of them stand for nothing: a file would lose its name
 */
function decodeRun(written: string): string | undefined {
  const runs: { readonly charset: string; readonly pieces: Buffer[] }[] = []
  for (const [, name = '', encoding, encoded = ''] of written.matchAll(word)) {
    const bytes = encoding?.toLowerCase() === 'b' ? bytesOfBase64(encoded) : bytesOfQuoted(encoded)
    if (bytes === undefined) return undefined
    const charset = name.toLowerCase()
    const last = runs.at(-1)
    if (last?.charset === charset) last.pieces.push(bytes)
    else runs.push({ charset, pieces: [bytes] })
  }
  const texts = runs.map(({ charset, pieces }) => decodeAs(charset, Buffer.concat(pieces)))
  return texts.includes(undefined) ? undefined : texts.join('') || undefined
}

function bytesOfBase64(text: string): Buffer | undefined {
  return base64.test(text) ? Buffer.from(text, 'base64') : undefined
}

function bytesOfQuoted(text: string): Buffer | undefined {
  if (!quotedPrintable.test(text)) return undefined
  const spaced = text.replaceAll('_', ' ')
  return Buffer.from(
    spaced.replace(/=(..)/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))),
    'latin1',
  )
}
