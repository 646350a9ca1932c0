import { randomUUID } from 'node:crypto'

/** Lower-case UUIDv7 text. The one identity of a file; every dialect prints it in a form of its own. */
export type FileId = string

/** A way to write ids: one text for each of the 2^128. */
export interface FileIdForm {
  print(id: FileId): string
  /** Undefined if the text is not one that `print` gives. */
  parse(text: string): FileId | undefined
  /** What `print` gives, as a regular expression of JSON Schema that is not anchored. */
  readonly pattern: string
}

/** Reads an id in any form; undefined if it is none. */
export type ParseFileId = (text: string) => FileId | undefined

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The bare UUID; read in any letter case. */
export const uuidForm: FileIdForm = {
  print: (id) => id,
  parse(text) {
    const lower = text.toLowerCase()
    return UUID.test(lower) ? lower : undefined
  },
  pattern: '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}',
}

/** A UUIDv7 (RFC 9562, 5.7): 48 bits of `nowMs`, then 74 random bits, which stand where those of a version 4 do. */
export function newFileId(nowMs: number): FileId {
  const time = nowMs.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}
