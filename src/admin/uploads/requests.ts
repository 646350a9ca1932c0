import type { RequestedPage } from '../files/list-request.ts'
import { limitIn } from '../page-limit.ts'
import { parameter, requireKnown, type Values } from '../request-values.ts'

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
  return {
    project: parameter(values, 'project'),
    state: 'pending',
    filter: {},
    sort: 'created',
    order: 'desc',
    limit: limitIn(values, MAX_PAGE),
    after: parameter(values, 'after'),
    told: ['uploads'],
  }
}
