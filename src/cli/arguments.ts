import { InvalidArgumentError } from 'commander'
import { parseSize } from '../config/size.ts'
import { checkName } from '../core/files/text-rules.ts'

const MAX_CHARACTERS = 255
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** The name of a key or a user. @throws InvalidArgumentError */
export function parseName(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It is empty.')
  if (text.trim() !== text) throw new InvalidArgumentError('There is space around it.')
  if (text.length > MAX_CHARACTERS)
    throw new InvalidArgumentError(`It is longer than ${MAX_CHARACTERS} characters.`)
  try {
    checkName('It', text)
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
  return text
}

/** The name of an organization or project. @throws InvalidArgumentError if it could be taken for an id, too */
export function parseSlug(text: string): string {
  if (UUID.test(text)) throw new InvalidArgumentError('A name must not look like an id.')
  return parseName(text)
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
