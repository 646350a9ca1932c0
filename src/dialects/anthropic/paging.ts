import { hash } from 'node:crypto'
import type { FileId } from '../../core/file-id.ts'
import type { FileRecord } from '../../core/files/file.ts'
import type { FileCursor } from '../../core/ports/metadata-store.ts'
import { FILE_PREFIX, fileIds } from './ids.ts'

export const DEFAULT_PAGE = 20
export const MAX_PAGE = 1000
export const MAX_IDS = 100

const PREFIX = 'page_'
const CURSOR = new RegExp(`^${PREFIX}([\\w-]{16})([0-9a-f]{32})$`)

/**
 * Names the last file of a page, and carries a digest that binds it to the project. It is not signed: it can only name a place
 * in a listing that its holder may read anyway.
 */
export function printCursor({ id, projectId }: Pick<FileRecord, 'id' | 'projectId'>): string {
  return PREFIX + bindingOf(id, projectId) + fileIds.print(id).slice(FILE_PREFIX.length)
}

/** @returns undefined for a text that is no cursor of this project's listing */
export function parseCursor(text: string, projectId: string): FileCursor | undefined {
  const [, binding, digits = ''] = CURSOR.exec(text) ?? []
  const id = fileIds.parse(FILE_PREFIX + digits)
  return id !== undefined && binding === bindingOf(id, projectId) ? placeOf(id) : undefined
}

function bindingOf(id: FileId, projectId: string): string {
  return hash('sha256', `${projectId} ${id}`, 'base64url').slice(0, 16)
}

/**
 * Where a file stands, or stood, in a listing by creation: its id begins with that instant in milliseconds (RFC 9562, 5.7). So
 * a page can follow a file that has been deleted since.
 */
export function placeOf(id: FileId): FileCursor {
  return { createdAt: Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16), name: '', id }
}
