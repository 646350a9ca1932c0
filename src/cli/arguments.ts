import { InvalidArgumentError } from 'commander'
import { parseSize } from '../config/size.ts'
import { faultOfName, faultOfSlug } from '../core/access/names.ts'

/** The name of a key or a user. @throws InvalidArgumentError */
export function parseName(text: string): string {
  return withoutFault(text, faultOfName(text))
}

/** The name of an organization or project. @throws InvalidArgumentError if it could be taken for an id, too */
export function parseSlug(text: string): string {
  return withoutFault(text, faultOfSlug(text))
}

function withoutFault(text: string, fault: string | undefined): string {
  if (fault !== undefined) throw new InvalidArgumentError(`It ${fault}.`)
  return text
}

/** The path of a folder. @throws InvalidArgumentError */
export function parseFolder(text: string): string {
  if (text === '') throw new InvalidArgumentError('It is empty.')
  return text
}

/**
 * What `--help` ends with: lines to be pasted, each below what it does.
 * @param lines like `['the ten newest files', 'file ls --limit 10']`
 */
export function examples(lines: readonly (readonly [purpose: string, words: string])[]): string {
  const shown = lines.map(([purpose, words]) => `  # ${purpose}\n  entrepot ${words}`)
  return `\nExamples:\n${shown.join('\n')}`
}

/** Bytes, also like `10MB` or `5GiB`; infinity for `none`. @throws InvalidArgumentError */
export function parseByteBound(text: string): number {
  const bytes = text === 'none' ? Number.POSITIVE_INFINITY : parseSize(text)
  if (bytes !== undefined) return bytes
  throw new InvalidArgumentError('It is neither a size, like 1000000, 500MB or 5GiB, nor none.')
}

/** A whole number; infinity for `none`. @throws InvalidArgumentError */
export function parseBound(text: string): number {
  if (text === 'none') return Number.POSITIVE_INFINITY
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw new InvalidArgumentError('It is neither a whole number nor none.')
}
