import { subscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { leastRole } from '../src/core/access/admit.ts'
import type { Role } from '../src/core/access/keys.ts'

/** A route that asks for a key, once for each of its methods. */
export interface KeyedRoute {
  readonly method: string
  /** With its parameters. */
  readonly url: string
  /** The least that it lets in. */
  readonly role: Role
}

/** Notes every route of the servers that start from now on. @returns those that ask for a key, once all have started */
export function watchRoutes(): () => readonly KeyedRoute[] {
  const registered: RouteOptions[] = []
  subscribe('fastify.initialization', (message) => {
    const { fastify } = message as { fastify: FastifyInstance }
    // Hooks of plugins that run later complete them.
    fastify.addHook('onRoute', (route) => void registered.push(route))
  })
  return () => registered.flatMap(keyed)
}

/** Those of dialects are at the root, too, and once is enough. */
function keyed({ method, url, config, constraints }: RouteOptions): KeyedRoute[] {
  const access = config?.access
  if (typeof access !== 'object' || (constraints && 'dialect' in constraints)) return []
  return [method].flat().map((method) => ({ method, url, role: leastRole(access) }))
}
