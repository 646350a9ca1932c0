export interface Decoded {
  readonly text: string
  /** Its name, as the Encoding Standard has it. */
  readonly encoding: string
}

/** What the first bytes say. */
const MARKS = [
  { encoding: 'utf-8', mark: [0xef, 0xbb, 0xbf] },
  { encoding: 'utf-16le', mark: [0xff, 0xfe] },
  { encoding: 'utf-16be', mark: [0xfe, 0xff] },
] as const

/**
 * The beginning of a text in its encoding: that of its byte order mark, else that which its type tells, else UTF-8, and where it is
 * none Windows-1252, in which every byte is a character. A character that was cut at the end is left out.
 */
export function decode(bytes: Uint8Array, mimeType: string): Decoded {
  const marked = MARKS.find(({ mark }) => mark.every((byte, at) => bytes[at] === byte))?.encoding
  const told = /;\s*charset="?([^";\s]+)/i.exec(mimeType)?.[1]
  const decoder = decoderOf(marked) ?? decoderOf(told)
  if (decoder !== undefined) return read(decoder, bytes)
  try {
    return read(new TextDecoder('utf-8', { fatal: true }), bytes)
  } catch {
    return read(new TextDecoder('windows-1252'), bytes)
  }
}

function read(decoder: TextDecoder, bytes: Uint8Array): Decoded {
  return { text: decoder.decode(bytes, { stream: true }), encoding: decoder.encoding }
}

/** Undefined for a name that no browser knows. */
function decoderOf(name: string | undefined): TextDecoder | undefined {
  if (name === undefined) return undefined
  try {
    return new TextDecoder(name)
  } catch {
    return undefined
  }
}
