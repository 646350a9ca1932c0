import type { FileRecord } from '../../core/files/file.ts'
import type { FileCursor } from '../../core/ports/metadata-store.ts'
import type { ListFilesRequest } from './gen/files_pb.js'
import { fileIds } from './ids.ts'
import { reading } from './messages.ts'
import { REQUIRED } from './violations.ts'

const DEFAULT_PAGE = 100
const MAX_PAGE = 1000
/** The form of a page token. */
export const PAGE_TOKEN = /^[A-Za-z0-9+/_-]{1,200}={0,2}$/
const PLACE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?@(fvt[0-9a-v]+)$/

/** How many files a page has: 0 asks for the default, more than the most is lowered to it. */
export function pageLimit(pageSize: bigint): number {
  return pageSize > MAX_PAGE ? MAX_PAGE : Number(pageSize) || DEFAULT_PAGE
}

/** Where a page ended, in the vendor's form: base64 of `<time without Z>@<id>`, the time to the microsecond. */
export function printPageToken({ createdAt, id }: Pick<FileRecord, 'createdAt' | 'id'>): string {
  const time = new Date(createdAt).toISOString().replace(/Z$/, '000')
  return Buffer.from(`${time}@${fileIds.print(id)}`).toString('base64')
}

/**
 * Not signed: it can only name a place in a listing that its holder may read anyway.
 * @returns undefined if malformed
 */
export function parsePageToken(token: string): FileCursor | undefined {
  if (!PAGE_TOKEN.test(token)) return undefined
  const [, seconds, fraction = '', idText = ''] =
    PLACE.exec(Buffer.from(token, 'base64').toString('latin1')) ?? []
  const createdAt = Date.parse(`${seconds}${fraction.slice(0, 4)}Z`)
  const id = fileIds.parse(idText)
  // The name is no part of the order.
  return id === undefined || Number.isNaN(createdAt) ? undefined : { createdAt, name: '', id }
}

export interface ListRequest {
  readonly folder: string
  readonly limit: number
  readonly after: FileCursor | undefined
}

/** @throws InvalidArgument */
export function readListRequest({ folderId, pageSize, pageToken }: ListFilesRequest): ListRequest {
  return reading((refuse) => {
    if (folderId === '') refuse('folder_id', REQUIRED)
    if (pageSize < 0n) refuse('page_size', 'must not be negative')
    const after = pageToken === '' ? undefined : parsePageToken(pageToken)
    if (pageToken !== '' && after === undefined) refuse('page_token', 'malformed')
    return { folder: folderId, limit: pageLimit(pageSize), after }
  })
}
