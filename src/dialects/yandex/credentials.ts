import { authenticate } from '../../core/access/authenticate.ts'
import { ensureDefaultTenant } from '../../core/access/default-tenant.ts'
import type { Caller } from '../../core/caller.ts'
import { ServiceError } from '../../core/errors.ts'
import type { Services } from '../../core/services.ts'
import type { YandexSettings } from './settings.ts'

const SCHEMES = /^(?:bearer|api-key) +(.+)$/i
/** This machine under its own names, with or without a port. */
const LOCAL_AUTHORITY = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i
/** A proxy names whom it speaks for, and a browser the page that makes it ask. */
const FOREIGN_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via', 'origin']

/** What a request or a call shows of who makes it. */
export interface Approach {
  /** `host:port` that the caller believes to speak to. */
  readonly authority: string
  /** A header or metadata entry; undefined if there is none. */
  header(name: string): string | undefined
}

/**
 * Who calls, by the header or metadata `authorization`: a key as `Api-Key …`, or as `Bearer …` where an SDK cannot send
 * anything but an IAM token. Without any, and if the operator allows it, whoever is on this machine.
 * @throws ServiceError `unauthenticated`
 */
export async function authenticateCaller(
  services: Services,
  { anonymous }: Pick<YandexSettings, 'anonymous'>,
  approach: Approach,
): Promise<Caller> {
  const authorization = approach.header('authorization')
  if (!authorization && anonymous && isLocal(approach)) return anonymousCaller(services)
  if (!authorization) throw new ServiceError('unauthenticated', 'The authorization header is missing')
  const [, secret] = SCHEMES.exec(authorization.trim()) ?? []
  try {
    return await authenticate(services, secret)
  } catch (error) {
    const isUnknown = error instanceof ServiceError && error.code === 'unauthenticated'
    throw isUnknown ? new ServiceError('unauthenticated', 'The key is invalid or has been revoked') : error
  }
}

/**
 * A program on this machine, and not a browser that a page of somebody else's has made ask: such a page reaches us under its
 * own name, whose address it has changed to ours, or sends along where it is from.
 */
function isLocal(approach: Approach): boolean {
  const site = approach.header('sec-fetch-site') ?? 'none'
  return (
    LOCAL_AUTHORITY.test(approach.authority) &&
    FOREIGN_HEADERS.every((name) => approach.header(name) === undefined) &&
    (site === 'none' || site === 'same-origin')
  )
}

async function anonymousCaller(services: Services): Promise<Caller> {
  const { organization, project } = await ensureDefaultTenant(services)
  return {
    keyId: 'anonymous',
    organizationId: organization.id,
    projectIds: [project.id],
    subject: { type: 'user', id: 'anonymous' },
    role: 'member',
    scopes: [],
  }
}
