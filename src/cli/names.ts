import { InvalidArgumentError } from 'commander'
import { checkName } from '../core/files/text-rules.ts'

const MAX_CHARACTERS = 255
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** The name of a key or a user, as an argument. @throws InvalidArgumentError */
export function parseName(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It is empty.')
  if (text.trim() !== text) throw new InvalidArgumentError('There is space around it.')
  if (text.length > MAX_CHARACTERS) {
    throw new InvalidArgumentError(`It is longer than ${MAX_CHARACTERS} characters.`)
  }
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
