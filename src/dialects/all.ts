import { type FileId, type FileIdForm, uuidForm } from '../core/file-id.ts'
import { anthropic } from './anthropic/dialect.ts'
import type { Dialect } from './dialect.ts'
import { gemini } from './gemini/dialect.ts'
import { lightfield } from './lightfield/dialect.ts'
import { llamacloud } from './llamacloud/dialect.ts'
import { mistral } from './mistral/dialect.ts'
import { openai } from './openai/dialect.ts'
import { yandex } from './yandex/dialect.ts'

/**
 * Every dialect the service speaks. A new one is a folder and one line here. Of those that share a path, the last answers
 * what nobody claims.
 */
export const allDialects: readonly [Dialect, ...Dialect[]] = [
  lightfield,
  gemini,
  anthropic,
  mistral,
  llamacloud,
  yandex,
  openai,
]

/** The forms of a file's id, by name: the bare UUID, and that of each dialect. */
export const fileIdForms: ReadonlyMap<string, FileIdForm> = new Map([
  ['uuid', uuidForm],
  ...allDialects.map(({ name, fileIds }) => [name, fileIds] as const),
])

/** Reads an id in any form; UUIDs in any letter case. Any other text is undefined. */
export function parseFileId(text: string): FileId | undefined {
  for (const form of fileIdForms.values()) {
    const id = form.parse(text)
    if (id !== undefined) return id
  }
  return undefined
}

/** Every id that can be printed, in each form, as JSON Schema says it. */
export const FILE_ID_PATTERN = `^(${[...fileIdForms.values()].map(({ pattern }) => pattern).join('|')})$`
