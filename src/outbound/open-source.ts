import { promises as dns, type LookupAddress } from 'node:dns'
import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { isIP, type LookupFunction } from 'node:net'
import { ServiceError } from '../core/errors.ts'
import { isPublicAddress } from './public-address.ts'

const { request: requestHttp } = process.getBuiltinModule('node:http')
const { request: requestHttps } = process.getBuiltinModule('node:https')

/** The addresses that may be asked for bytes. */
export interface OutboundPolicy {
  /**
   * `host` or `host:port`, in lower case: asked at whatever address, also over plain HTTP. All others over HTTPS alone, at
   * public addresses.
   */
  readonly allowedHosts: readonly string[]
  /** All addresses of a name, as the system finds them unless said otherwise. */
  readonly resolve?: (host: string) => Promise<readonly LookupAddress[]>
}

export interface OpenSource {
  readonly url: string
  /** Sent to the origin of `url`. Other origins get only those that say nothing about the caller. */
  readonly headers: Readonly<Record<string, string>>
  readonly followRedirects: boolean
  /** Ends the request, and the body. If its reason is a ServiceError, that one is thrown. */
  readonly signal: AbortSignal
}

/** A resource that was found, its bytes on their way. */
export interface Source {
  readonly headers: IncomingHttpHeaders
  /** Read once. @throws ServiceError `rule-violated` if it breaks off */
  readonly body: AsyncIterable<Uint8Array>
  /** Ends the connection. Safe to call twice. */
  readonly close: () => void
}

const MAX_REDIRECTS = 5
/** From the look-up of a host to the head of its answer. */
const MAX_HEAD_MS = 30_000
const REDIRECTS = [301, 302, 303, 307, 308]
/** The most that a message to the caller quotes of a source. */
const MAX_QUOTED_CHARACTERS = 40
/** The headers of a request that also go to another origin than the one they were meant for. */
const ANONYMOUS_HEADERS = ['accept', 'accept-language', 'user-agent']

/**
 * GETs a resource for a caller who may not reach our own network: a name is resolved once, its addresses are checked, and the
 * connection goes to one of them; so again after each redirect.
 * @throws ServiceError `rule-violated` if the address may not be asked, or its answer is no whole resource
 */
export async function openSource(input: OpenSource, policy: OutboundPolicy): Promise<Source> {
  let url = parseUrl(input.url)
  let headers = new Map(Object.entries(input.headers).map(([name, value]) => [name.toLowerCase(), value]))
  for (let redirects = 0; ; redirects++) {
    const answer = await ask(url, headers, policy, input.signal)
    if (!REDIRECTS.includes(answer.statusCode ?? 0)) return sourceOf(answer)
    answer.destroy()
    if (!input.followRedirects)
      throw refusal('The URL answers with a redirect, which was not to be followed.')
    if (redirects === MAX_REDIRECTS) throw refusal(`The URL redirects more than ${MAX_REDIRECTS} times.`)
    const next = parseUrl(locationOf(answer), url)
    if (next.origin !== url.origin)
      headers = new Map([...headers].filter(([name]) => ANONYMOUS_HEADERS.includes(name)))
    url = next
  }
}

function parseUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href)
  if (url === null || !['https:', 'http:'].includes(url.protocol)) throw refusal('The URL is not of HTTP.')
  if (url.username !== '' || url.password !== '')
    throw refusal('The URL holds credentials; send them in request_headers.')
  return url
}

/**
 * The target of a redirect. Node reads headers as Latin-1: bytes beyond ASCII are escaped one by one, as curl and browsers do.
 * @throws ServiceError `rule-violated` if there is none
 */
function locationOf({ headers }: IncomingMessage): string {
  const { location = '' } = headers
  if (location === '') throw refusal('The URL answers with a redirect that names no Location.')
  return location.replace(/[\u0080-\u00ff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`)
}

async function ask(
  url: URL,
  headers: ReadonlyMap<string, string>,
  policy: OutboundPolicy,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), MAX_HEAD_MS)
  const ending = AbortSignal.any([signal, late.signal])
  const done = new AbortController()
  try {
    // The system's resolver cannot be stopped.
    const addresses = await Promise.race([findAddresses(url, policy), abortOf(ending, done.signal)])
    return await connect(url, headers, addresses, ending)
  } catch (error) {
    const cause = ending.aborted ? ending.reason : error
    if (cause instanceof ServiceError) throw cause
    // Why it failed may tell of networks that are none of the caller's business.
    throw refusal(
      'The URL could not be fetched: its server cannot be reached, or did not answer in time.',
      cause,
    )
  } finally {
    clearTimeout(timer)
    done.abort()
  }
}

async function findAddresses(url: URL, policy: OutboundPolicy): Promise<readonly LookupAddress[]> {
  const isAllowed = isAllowedHost(url, policy)
  if (url.protocol !== 'https:' && !isAllowed) throw refusal('The URL must begin with https://.')
  const host = hostOf(url)
  const version = isIP(host)
  const { resolve = resolveBySystem } = policy
  const found = version === 0 ? await resolve(host) : [{ address: host, family: version }]
  // One address that is not public makes all suspect: a name that changes between them is an attack.
  if (isAllowed || (found.length > 0 && found.every(({ address }) => isPublicAddress(address)))) return found
  throw refusal('The host of the URL has no public address.')
}

function isAllowedHost({ hostname, port, protocol }: URL, { allowedHosts }: OutboundPolicy): boolean {
  const realPort = port || (protocol === 'https:' ? '443' : '80')
  return allowedHosts.includes(hostname) || allowedHosts.includes(`${hostname}:${realPort}`)
}

function resolveBySystem(host: string): Promise<readonly LookupAddress[]> {
  return dns.lookup(host, { all: true }).catch(() => [])
}

/** Without the brackets of IPv6. */
function hostOf({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

function connect(
  url: URL,
  headers: ReadonlyMap<string, string>,
  addresses: readonly LookupAddress[],
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const sent = request({
    hostname: hostOf(url),
    port: url.port,
    path: url.pathname + url.search,
    headers: {
      'user-agent': 'Entrepot',
      accept: '*/*',
      ...Object.fromEntries(headers),
      'accept-encoding': 'identity',
    },
    lookup: pinnedTo(addresses),
    // A connection of its own, past any proxy of the environment, and with the certificate checked whatever that says.
    agent: false,
    rejectUnauthorized: true,
    signal,
  })
  sent.on('response', (answer) => {
    // It may break off while nobody reads it; the error must not count as unhandled.
    answer.on('error', () => undefined)
    resolve(answer)
  })
  // Without this listener Node would end the request with no more than `close`.
  sent.on('upgrade', (_answer, socket) => {
    socket.destroy()
    reject(refusal('The URL answers with another protocol (101), which was not asked for.'))
  })
  sent.on('error', reject)
  // The last event of every request. It changes nothing where one of the others came before.
  sent.on('close', () => reject(new Error('the request ended without an answer')))
  sent.end()
  return promise
}

/** Nobody looks the name up a second time. */
function pinnedTo(addresses: readonly LookupAddress[]): LookupFunction {
  return (_host, { all }, done) => {
    const [first] = addresses
    if (first === undefined) done(new Error('no address'), '', 0)
    else if (all) done(null, [...addresses])
    else done(null, first.address, first.family)
  }
}

function sourceOf(answer: IncomingMessage): Source {
  const { statusCode, headers } = answer
  const close = () => void answer.destroy()
  const coding = codingOf(headers)
  if (statusCode === 200 && coding === '') return { headers, body: read(answer), close }
  close()
  if (statusCode !== 200) throw refusal(`The URL answers with the status ${statusCode}.`)
  const quoted = coding.slice(0, MAX_QUOTED_CHARACTERS)
  throw refusal(`The URL answers in the encoding ${quoted}, which was not asked for.`)
}

/** The codings that are still on the bytes: of the content, and of the transfer apart from `chunked`. Empty: none. */
function codingOf(headers: IncomingHttpHeaders): string {
  const transfer = codingsIn(headers['transfer-encoding'])
  if (transfer.at(-1) === 'chunked') transfer.pop()
  return [...codingsIn(headers['content-encoding']), ...transfer].join(', ')
}

/** Codings are told in any case, and as a list that may have empty members (RFC 9110, 5.6.1 and 8.4). */
function codingsIn(list = ''): string[] {
  const codings = list.split(',').map((coding) => coding.trim().toLowerCase())
  return codings.filter((coding) => coding !== '' && coding !== 'identity')
}

async function* read(answer: IncomingMessage): AsyncGenerator<Uint8Array, void> {
  try {
    yield* answer
  } catch (error) {
    throw refusal('The answer of the URL broke off, or took too long.', error)
  }
}

/** @param done ends the wait: a listener would keep both alive for as long as the signal may fire */
async function abortOf(signal: AbortSignal, done: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort', { signal: done })
  throw signal.reason
}

function refusal(message: string, cause?: unknown): ServiceError {
  return new ServiceError('rule-violated', message, { cause })
}
