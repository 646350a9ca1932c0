import { hash } from 'node:crypto'

/**
 * Stands for the SHA-256 of some bodies, in order: two lists with the same chain are the same list. So who computed the
 * SHA-256 of the whole on the way can show that it is of exactly these segments.
 */
export function chainOf(sha256s: Iterable<string>): string {
  let chain = EMPTY_CHAIN
  for (const sha256 of sha256s) chain = extendChain(chain, sha256)
  return chain
}

/** The chain of no body. */
export const EMPTY_CHAIN = ''

export function extendChain(chain: string, sha256: string): string {
  return hash('sha256', `${chain}${sha256}`)
}
