import type { Caller } from '../../core/caller.ts'
import type { FileRecord } from '../../core/files/file.ts'
import { fileNotFound, findByAlias, readStoredFile } from '../../core/files/read-file.ts'
import type { Services } from '../../core/services.ts'
import { invalidArgument } from './fields.ts'
import { fileIds, PREFIX } from './ids.ts'

/** Up to 40 characters without a dash at either end. */
const NAME = /^[a-z\d](?:[a-z\d-]{0,38}[a-z\d])?$/

/** What follows `files/` in a name; clients leave that out, or not. */
function bareName(name: string): string {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name
}

/**
 * The alias that a client chose for its file.
 * @throws ServiceError `field-invalid` if it is no name, or could be the id of another file in some dialect
 */
export function aliasOf({ parseFileId }: Services, name: string): string {
  const alias = bareName(name)
  const field = 'file.name'
  if (!NAME.test(alias)) {
    const rule = 'at most 40 of the characters a-z, 0-9 and -, no dash first or last'
    throw invalidArgument(field, `Invalid value at '${field}': a name is files/ and ${rule}`)
  }
  if (fileIds.parse(PREFIX + alias) !== undefined || parseFileId(alias) !== undefined)
    throw invalidArgument(field, `Invalid value at '${field}': ${alias} has the form of a generated name`)
  return alias
}

/**
 * The stored file of a name in a path: an id in any dialect's form, or an alias.
 * @throws ServiceError `file-not-found`
 */
export async function readNamed(services: Services, caller: Caller, text: string): Promise<FileRecord> {
  const name = bareName(text)
  const generated = PREFIX + name
  const idText = fileIds.parse(generated) === undefined ? name : generated
  if (services.parseFileId(idText) !== undefined) return readStoredFile(services, caller, idText)
  if (!NAME.test(name)) throw fileNotFound(text)
  return findByAlias(services, caller, name)
}
