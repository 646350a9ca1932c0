import { isUtf8 } from 'node:buffer'

/** The bytes 0x80 to 0x9F in Windows-1252; the five that stand for nothing there are U+FFFD. */
const WINDOWS_1252 = '€\ufffd‚ƒ„…†‡ˆ‰Š‹Œ\ufffdŽ\ufffd\ufffd‘’“”•–—˜™š›œ\ufffdžŸ'
const FIRST_OF_WINDOWS_1252 = 0x80

export interface Decoded {
  readonly text: string
  /** Whether the bytes are of another charset than announced, and the text is what they are in Latin-1. */
  readonly isGuess: boolean
}

/**
 * The text of a name or field of a form: in the charset that the form announces, UTF-8 if it announces none. Bytes that are
 * not of that charset are read as Latin-1, as Starlette reads them, in the sense of encoding.spec.whatwg.org, so that no
 * control character comes out of them.
 */
export function decodeText(bytes: Buffer, charset: string | undefined): Decoded {
  const text = charset === undefined ? decodeUtf8(bytes) : decodeAs(charset, bytes)
  return text === undefined ? { text: decodeLatin1(bytes), isGuess: true } : { text, isGuess: false }
}

/** @returns undefined if the charset is unknown or the bytes are not of it */
export function decodeAs(charset: string, bytes: Buffer): string | undefined {
  try {
    const decoder = new TextDecoder(charset, { fatal: true, ignoreBOM: true })
    if (decoder.encoding === 'windows-1252') return decodeLatin1(bytes)
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

function decodeUtf8(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}

function decodeLatin1(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[\u0080-\u009f]/g, (byte) => WINDOWS_1252[byte.charCodeAt(0) - FIRST_OF_WINDOWS_1252] ?? byte)
}
