import { extensionOfType, saysNothing, typeOfExtension } from './media-types.ts'
import { knownExtension, unknownExtension } from './name-extension.ts'
import { sniffType } from './sniff.ts'

const PRINTABLE_ASCII = /^[\u0020-\u007e]{1,255}$/

/**
 * The type that a file is told to have before its content is seen: the one declared with it, kept as it is, unless that says
 * nothing; then the one that its name implies. The name may be a path or a URL.
 * @returns undefined where the content has to show it, see `shownType`
 */
export function toldType(declared: string | undefined, name: string): string | undefined {
  const type = declared?.trim()
  if (type !== undefined && PRINTABLE_ASCII.test(type) && !saysNothing(type)) return type
  const extension = knownExtension(name)
  if (extension === undefined || otherTypes.has(extension)) return undefined
  return typeOfExtension(extension)
}

/**
 * The type of a file that was told none: what its first bytes show; of those that an ambiguous extension stands for, the one
 * that they fit.
 * @param head the first bytes, up to `SNIFF_BYTES`
 * @param directory that of a compound file, if it lies behind the head, see `HeadCapture`
 */
export async function shownType(name: string, head: Uint8Array, directory?: Uint8Array): Promise<string> {
  const shown = await sniffType(head, directory)
  const extension = knownExtension(name)
  if (extension === undefined || otherTypes.get(extension)?.includes(shown)) return shown
  return typeOfExtension(extension) ?? shown
}

/** Extensions of several formats: the types of those that content tells from the one that the extension stands for else. */
const otherTypes: ReadonlyMap<string, readonly string[]> = new Map([
  // TypeScript, and MPEG transport streams of cameras.
  ['ts', ['video/mp2t']],
  ['mts', ['video/mp2t']],
  // Keynote, and private keys.
  ['key', ['text/plain']],
  // Publisher, and public keys.
  ['pub', ['text/plain']],
  // Templates of Word, and graphs.
  ['dot', ['text/plain']],
  ['ai', ['application/pdf']],
  ['ogg', ['video/ogg']],
])

/**
 * The extension that people expect of a file, without its dot, in lower case: that of its name, else the usual one of its
 * type.
 */
export function extensionOf({ name, mimeType }: { name: string; mimeType: string }): string | undefined {
  return knownExtension(name) ?? unknownExtension(name) ?? extensionOfType(mimeType)
}

/** The name that a file is shown and saved under: its own, or for one that has none its id with the extension of its type. */
export function shownName({ id, name, mimeType }: { id: string; name: string; mimeType: string }): string {
  return name || `${id}.${extensionOfType(mimeType) ?? 'bin'}`
}
