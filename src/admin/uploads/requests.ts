import type { RequestedPage } from '../files/list-request.ts'
import { invalid, parameter, requireKnown, type Values } from '../request-values.ts'

export const DEFAULT_PAGE = 100
export const MAX_PAGE = 200
const PARAMETERS = ['project', 'limit', 'after']

/**
 * Uploads are listed as the pending files that they are, newest first. An empty parameter counts as absent.
 * @param keyQuery the parameter that may carry the key
 * @throws ServiceError `field-unknown`, `field-invalid`
 */
export function readListRequest(query: unknown, keyQuery: string | undefined): RequestedPage {
  const values = query as Values
  requireKnown(values, PARAMETERS, keyQuery)
  const limit = parameter(values, 'limit') ?? String(DEFAULT_PAGE)
  if (!/^\d{1,3}$/.test(limit) || Number(limit) < 1 || Number(limit) > MAX_PAGE)
    throw invalid('limit', `must be a whole number from 1 to ${MAX_PAGE}`)
  return {
    project: parameter(values, 'project'),
    state: 'pending',
    filter: {},
    sort: 'created',
    order: 'desc',
    limit: Number(limit),
    after: parameter(values, 'after'),
    told: ['uploads'],
  }
}
