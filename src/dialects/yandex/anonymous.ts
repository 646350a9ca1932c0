import type { FastifyRequest } from 'fastify'
import { ensureDefaultTenant } from '../../core/access/tenants.ts'
import type { Caller } from '../../core/caller.ts'
import { ServiceError } from '../../core/errors.ts'
import type { Services } from '../../core/services.ts'
import type { GrpcCall } from '../../grpc/method.ts'
import type { YandexSettings } from './settings.ts'

/** An SDK that cannot send anything but an IAM token sends a key as one, as `Bearer`. */
export const KEY_SCHEME = /^(?:bearer|api-key) /i
export const KEY_REFUSED = 'The key is invalid or has been revoked'
const OCTET = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)'
/** This machine under its own names, with or without a port. */
const LOCAL_AUTHORITY = new RegExp(`^(?:localhost|127(?:\\.${OCTET}){3}|\\[::1\\])(?::(\\d{1,5}))?$`, 'i')
const MAX_PORT = 65_535
/**
 * All that curl, SDKs and browsers on this machine send. A request with any other header needs a key: proxies have more
 * names for whom they speak for than could be listed, and each could be the only sign that somebody else asks.
 */
const LOCAL_HEADERS = new RegExp(
  `^(?:${[
    'host|user-agent|date|expect|range|cookie|referer|priority|dnt|upgrade-insecure-requests',
    'content-(?:type|length|encoding|md5|disposition)|transfer-encoding|te|trailer',
    'accept(?:-(?:encoding|language|charset))?|cache-control|pragma|if-(?:none-match|modified-since|range)',
    'connection|keep-alive|upgrade|http2-settings',
    // What page asks, and with which browser (developer.mozilla.org, "Fetch metadata", "Client hints").
    'sec-(?:fetch|ch)-.*|sec-gpc',
    // gRPC over HTTP/2, "Requests".
    'grpc-.*',
    'idempotency-key|x-client-(?:request|trace)-id|x-client-trace-enabled|x-request-id',
    'x-folder-id|x-data-logging-enabled',
    // w3.org, "Trace Context" and "Baggage".
    'traceparent|tracestate|baggage',
  ].join('|')})$`,
)

/** What a request or a call shows of who makes it. */
type Approach = Pick<GrpcCall, 'authority' | 'headerNames' | 'header'> & {
  /** `1.0`, `1.1` or `2`. */
  readonly httpVersion: string
}

/**
 * Who calls without a key: if the operator allows it, whoever is on this machine.
 * @throws ServiceError `unauthenticated`
 */
export async function callerWithoutKey(
  services: Services,
  { anonymous }: Pick<YandexSettings, 'anonymous'>,
  approach: Approach,
): Promise<Caller> {
  if (anonymous && isLocal(approach)) return anonymousCaller(services)
  throw new ServiceError('unauthenticated', 'The authorization header is missing')
}

export function approachOf({ headers, raw, originalUrl }: FastifyRequest): Approach {
  return {
    httpVersion: raw.httpVersion,
    // A target with an address in it was meant for a proxy (RFC 9112, 3.2.2).
    authority: originalUrl.startsWith('/') ? (headers.host ?? '') : '',
    headerNames: () => Object.keys(headers),
    header: (name) => headers[name]?.toString(),
  }
}

/**
 * A program on this machine. Not a browser that a page of somebody else's has made ask: such a page reaches us under its own
 * name, whose address it has changed to ours, or sends along where it is from. Nor a proxy that says so by what it adds, or
 * by HTTP/1.0, which nginx speaks unless told otherwise (nginx.org, `proxy_http_version`) and no client of ours does. A
 * proxy or tunnel that adds nothing cannot be told from a program.
 */
function isLocal(approach: Approach): boolean {
  const names = approach.headerNames()
  // What is there several times has no value that counts.
  const presentOr = (name: string, absent: string) =>
    names.includes(name) ? (approach.header(name) ?? '') : absent
  return (
    approach.httpVersion !== '1.0' &&
    names.every((name) => LOCAL_HEADERS.test(name)) &&
    isLocalAuthority(approach.authority) &&
    isLocalAuthority(presentOr('host', approach.authority)) &&
    ['none', 'same-origin'].includes(presentOr('sec-fetch-site', 'none'))
  )
}

function isLocalAuthority(authority: string): boolean {
  const match = LOCAL_AUTHORITY.exec(authority)
  return match !== null && Number(match[1] ?? 0) <= MAX_PORT
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
    fidelity: services.policy.fidelity,
  }
}
