import { parsePageToken } from '../../http/page-token.ts'
import { invalid, parameter, requireKnown, type Values } from '../request-values.ts'

export const DEFAULT_PAGE = 100
export const MAX_PAGE = 200
const LIST_PARAMETERS = ['project', 'limit', 'after']

export type RequestedPage = ReturnType<typeof readListRequest>

/**
 * An empty parameter counts as absent.
 * @param keyQuery the parameter that may carry the key
 * @throws ServiceError `field-unknown`, `field-invalid`
 */
export function readListRequest(query: unknown, keyQuery: string | undefined) {
  const values = query as Values
  requireKnown(values, LIST_PARAMETERS, keyQuery)
  const limit = parameter(values, 'limit') ?? String(DEFAULT_PAGE)
  if (!/^\d{1,3}$/.test(limit) || Number(limit) < 1 || Number(limit) > MAX_PAGE)
    throw invalid('limit', `must be a whole number from 1 to ${MAX_PAGE}`)
  return {
    project: parameter(values, 'project'),
    limit: Number(limit),
    after: parameter(values, 'after'),
  }
}

/** Where a page goes on. @throws ServiceError `field-invalid` */
export function placeOf(after: string, boundTo: unknown) {
  const place = parsePageToken(after, boundTo)
  if (place !== undefined) return place
  throw invalid('after', 'must be `next` of a page with the same project')
}
