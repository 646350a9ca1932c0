import type { FastifyRequest } from 'fastify'
import { linkInvalid } from '../core/links/link-token.ts'

export interface LinkRoute {
  readonly Params: { readonly token: string; readonly '*'?: string }
}

/** Clients may put any name after the token, slashes included; the documentation leaves it out. */
export const addresses = ['/:token', '/:token/*'] as const
export type LinkAddress = (typeof addresses)[number]

export function configAt<T>(url: LinkAddress, config: T): T | { readonly access: 'link' } {
  return url === '/:token' ? config : { access: 'link' }
}

/** The token decides, whatever name follows it. With a query, or a slash and no name, it is an address that nobody gave out. */
export function tokenOf({ params, raw }: FastifyRequest<LinkRoute>): string {
  if (raw.url?.includes('?') || params['*'] === '') throw linkInvalid()
  return params.token
}
