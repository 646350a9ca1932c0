import { ServiceError } from '../core/errors.ts'

/** No path of an API begins with more segments that a base URL could repeat. */
const MAX_SEGMENTS = 6

/** What is served. */
export interface ServedPaths {
  readonly has: (path: string) => boolean
  /** Whether paths begin with these segments. */
  readonly begin: (segments: string) => boolean
}

/**
 * Finds out why nothing is at an address: without some of its first segments, which are how served paths begin, there would
 * be. `/v1/v1/files` is a base URL that ends in `/v1`.
 * @param prefix the first segment, if the path is below the name of a dialect: that may stay
 * @returns undefined where that is not the reason
 */
export function findWrongBaseUrl(
  path: string,
  prefix: string,
  served: ServedPaths,
): ServiceError | undefined {
  const [, ...segments] = path.split('/', 2 + 2 * MAX_SEGMENTS)
  for (const begin of segments[0] === prefix ? [1, 0] : [0]) {
    for (let end = begin + 1; end <= begin + MAX_SEGMENTS && end < segments.length; end++) {
      const before = joined(segments.slice(0, begin))
      const extra = joined(segments.slice(begin, end))
      const meant = before + path.slice(before.length + extra.length)
      if (served.begin(extra) && served.has(meant)) return baseUrlWrong(extra)
    }
  }
  return undefined
}

/** @param extra the part of the path that the client adds to its base URL, which contains it */
function baseUrlWrong(extra: string): ServiceError {
  return new ServiceError(
    'base-url-wrong',
    `There is nothing at this address: the base URL must not contain "${extra}". Clients add the path of the API themselves.`,
  )
}

function joined(segments: readonly string[]): string {
  return segments.map((segment) => `/${segment}`).join('')
}
