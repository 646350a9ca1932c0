import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../../core/errors.ts'
import type { FileId, ParseFileId } from '../../core/file-id.ts'
import { Fields, type Location, type Problems, reading } from '../../http/fields.ts'
import { type RequestedScope, scopeIn } from './fields.ts'
import { DEFAULT_PAGE, MAX_PAGE, parseOrder, parseToken } from './paging.ts'

export const DEFAULT_URL_SECONDS = 3600
/** The ceiling of S3's signatures; more is lowered to it. */
export const MAX_URL_SECONDS = 604_800

export interface RequestedFile {
  readonly id: FileId
  readonly scope: RequestedScope
}

/** @throws InvalidRequest; ServiceError `route-unknown` if the id is empty, as in `/files/` */
export function readFileRequest(request: FastifyRequest, parseFileId: ParseFileId) {
  return readById(request, parseFileId, (query) => ({ withUrl: wantsUrl(query) }))
}

/** @throws InvalidRequest; ServiceError `route-unknown` */
export function readContentRequest(request: FastifyRequest, parseFileId: ParseFileId) {
  return readById(request, parseFileId, (query) => ({ urlSeconds: readUrlSeconds(query) }))
}

function readById<T>(
  { params, query }: FastifyRequest,
  parseFileId: ParseFileId,
  readMore: (query: Fields) => T,
): RequestedFile & T {
  if ((params as { file_id?: string }).file_id === '') throw new ServiceError('route-unknown', 'Not Found')
  return reading((problems) => {
    const id = Fields.of(params, ['path'], problems).fileId('file_id', parseFileId)
    const fields = Fields.of(query, ['query'], problems)
    return { id: id as FileId, scope: scopeIn(fields), ...readMore(fields) }
  })
}

/** How long a URL is to live. */
export function readUrlSeconds(fields: Fields): number {
  return Math.min(fields.integer('expires_at_seconds', 1) ?? DEFAULT_URL_SECONDS, MAX_URL_SECONDS)
}

function wantsUrl(fields: Fields): boolean {
  return fields.texts('expand').includes('download_url')
}

/** A page of a listing. `boundTo` is what the token of the next page is bound to. */
export type RequestedPage = ReturnType<typeof readListRequest | typeof readQueryRequest>

/** @throws InvalidRequest */
export function readListRequest({ query }: FastifyRequest, parseFileId: ParseFileId) {
  return reading((problems) => {
    const fields = Fields.of(query, ['query'], problems)
    const limit = fields.integer('page_size', 1, MAX_PAGE) ?? DEFAULT_PAGE
    const ids = fields.fileIds('file_ids', MAX_PAGE, parseFileId)
    const page = readPage(ids, fields, fields, ['query'], limit, problems)
    const only = { withTotal: false, matchesNothing: false, filterProject: undefined }
    return { ...page, ...only, scope: scopeIn(fields), withUrls: wantsUrl(fields) }
  })
}

/** The older form of list: a JSON body, and page sizes that are bent instead of refused. @throws InvalidRequest */
export function readQueryRequest({ query, body }: FastifyRequest, parseFileId: ParseFileId) {
  return reading((problems) => {
    const scope = scopeIn(Fields.of(query, ['query'], problems))
    const fields = Fields.of(body, ['body'], problems)
    const filter = fields.object('filter')
    const size = fields.integer('page_size', 0) || DEFAULT_PAGE
    filter.boolean('only_manually_uploaded')
    const ids = filter.fileIds('file_ids', MAX_PAGE, parseFileId)
    const page = readPage(ids, filter, fields, ['body'], Math.min(size, MAX_PAGE), problems)
    // There are no data sources.
    const matchesNothing = filter.text('data_source_id') !== undefined
    const filterProject = filter.text('project_id')
    return { ...page, scope, withUrls: false, withTotal: true, matchesNothing, filterProject }
  })
}

function readPage(
  ids: readonly FileId[] | undefined,
  filters: Fields,
  paging: Fields,
  place: Location,
  limit: number,
  problems: Problems,
) {
  const name = filters.text('file_name')
  const externalId = filters.text('external_file_id')
  const filter = {
    ...(ids === undefined ? {} : { ids }),
    ...(name === undefined ? {} : { name }),
    ...(externalId === undefined ? {} : { externalId }),
  }
  const order = parseOrder(paging.text('order_by'), [...place, 'order_by'], problems)
  const boundTo = [order, filter]
  const after = parseToken(paging.text('page_token'), boundTo, [...place, 'page_token'], problems)
  return { filter, order, limit, boundTo, ...(after === undefined ? {} : { after }) }
}
