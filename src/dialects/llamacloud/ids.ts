import { type FileIdForm, uuidForm } from '../../core/file-id.ts'

export const PREFIX = 'dfl-'

/** The UUID behind a prefix, read in any letter case. */
export const fileIds: FileIdForm = {
  print: (id) => PREFIX + id,
  parse: (text) =>
    text.toLowerCase().startsWith(PREFIX) ? uuidForm.parse(text.slice(PREFIX.length)) : undefined,
  pattern: PREFIX + uuidForm.pattern,
}
