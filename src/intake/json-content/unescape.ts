/**
 * Takes the escapes out of a JSON string of base64, which comes in pieces of any size: `\/`, which PHP and others
 * write, and `\u` of ASCII. The other escapes stand for what is not base64; they stay, and with them a backslash,
 * which is no base64 either.
 */
export class Base64Unescaper {
  /** An escape begun and not ended. */
  #begun = ''

  unescape(piece: Buffer): string {
    const text = this.#begun + piece.toString('latin1')
    this.#begun = ''
    if (!text.includes('\\')) return text
    const [begun = ''] = /\\(?:u[\dA-Fa-f]{0,3})?$/.exec(text.slice(-5)) ?? []
    this.#begun = begun
    return withoutEscapes(text.slice(0, text.length - begun.length))
  }

  /** What is left at the closing quote: an escape that is none. */
  finish(): string {
    return this.#begun
  }
}

function withoutEscapes(text: string): string {
  const withSlashes = text.replaceAll('\\/', '/')
  if (!withSlashes.includes('\\')) return withSlashes
  return withSlashes.replace(/\\u00([0-7][\dA-Fa-f])/g, (_escape, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  )
}
