import { MAX_LINK_SECONDS, MIN_LINK_SECONDS } from '../../core/links/file-links.ts'
import { invalid, objectOf, requireKnown } from '../request-values.ts'

const FIELDS = ['expiresInSeconds']

/** The life of a new link, in seconds. @throws ServiceError `body-not-json`, `field-unknown`, `field-invalid` */
export function readLinkRequest(body: unknown): number {
  const values = objectOf(body)
  requireKnown(values, FIELDS)
  const seconds = values.expiresInSeconds
  if (
    typeof seconds === 'number' &&
    Number.isInteger(seconds) &&
    seconds >= MIN_LINK_SECONDS &&
    seconds <= MAX_LINK_SECONDS
  )
    return seconds
  throw invalid(
    'expiresInSeconds',
    `must be a whole number from ${MIN_LINK_SECONDS} to ${MAX_LINK_SECONDS}, which is seven days`,
  )
}
