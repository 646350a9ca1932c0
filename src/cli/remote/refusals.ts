import { Failure } from '../failure.ts'
import { visible } from '../output.ts'

/** An answer that is no success, in a sentence. */
export class Refusal extends Failure {
  readonly status: number
  /** What `Retry-After` asks for. */
  readonly retryAfterSeconds: number | undefined

  constructor(sentence: string, status: number, retryAfterSeconds?: number) {
    super(sentence)
    this.status = status
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** No answer came. */
export class Unreachable extends Failure {}

/** Of no key, no quota, no room, and a server that is busy or away. */
const FOR_ALL = [401, 402, 403, 429, 502, 503, 504, 507]

/** Whether another file of the same command would meet the same. */
export function concernsAll(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof Refusal && FOR_ALL.includes(error.status))
}

export interface Answer {
  readonly status: number
  readonly body: string
  readonly retryAfter?: string | undefined
  readonly location?: string | undefined
}

const hints: Readonly<Record<number, string>> = {
  401: 'give another key by ENTREPOT_KEY, or run entrepot login',
  402: 'delete files, or have the quota raised (entrepot org quota)',
  403: 'this needs a key with more scopes or projects (entrepot key create)',
  503: 'try again in a while',
  507: 'make room on the disk of the server',
}

/** @param server the address that the operator knows it by */
export function refusalOf(server: string, { status, body, retryAfter, location }: Answer): Refusal {
  const seconds = secondsIn(retryAfter)
  if (status >= 300 && status < 400)
    return new Refusal(
      `${server} redirects to ${visible(location ?? 'another address')}: give that by --url.`,
      status,
    )
  const told = toldIn(body)
  if (told === undefined || /^route.unknown$/.test(told.code))
    return new Refusal(notOurs(server, status), status, seconds)
  const hint = status === 429 ? `try again in ${seconds ?? 60} seconds` : hints[status]
  const detail = visible(told.detail).replace(/\.$/, '')
  return new Refusal(hint === undefined ? `${detail}.` : `${detail}; ${hint}.`, status, seconds)
}

function notOurs(server: string, status: number): string {
  // 501: a server that does not know such requests at all.
  if (status >= 500 && status !== 501)
    return `${server} answered ${status}: it, or a proxy before it, is not up; try again in a while.`
  return `${server} is not an Entrepot server, or an older one than this command needs (it answered ${status}): see --url, or upgrade it.`
}

/** The detail of a problem (RFC 9457), or the message of an error on a link. */
function toldIn(body: string): { readonly detail: string; readonly code: string } | undefined {
  try {
    const { detail, code, error } = JSON.parse(body)
    if (typeof detail === 'string') return { detail, code: String(code) }
    if (typeof error.message === 'string') return { detail: error.message, code: String(error.code) }
  } catch {
    // It is not from a server of ours.
  }
  return undefined
}

/** We send seconds; of proxies that send a date the default wait is near enough. */
function secondsIn(retryAfter: string | undefined): number | undefined {
  return retryAfter !== undefined && /^\d{1,5}$/.test(retryAfter) ? Number(retryAfter) : undefined
}

/** Why no answer came, by the code of the error that Node gives. @param error of `fetch` or `node:http` */
export function unreachable(server: string, error: unknown): Unreachable {
  const { code = '', message } = causeOf(error)
  const { hostname, port, protocol } = new URL(server)
  if (CERTIFICATE.test(code)) return new Unreachable(certificateSentence(server, code))
  switch (code) {
    case 'ECONNREFUSED':
      return new Unreachable(
        `Nothing listens at ${server}: start the server, or give its address by --url or ENTREPOT_URL.`,
      )
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new Unreachable(
        `There is no host "${hostname}", or no name server that knows it (${code}): see --url.`,
      )
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return new Unreachable(`${server} does not speak TLS: try http://${hostname}${port && `:${port}`}.`)
    case 'HPE_INVALID_CONSTANT':
      return new Unreachable(
        `${server} does not speak HTTP: see ${protocol === 'http:' ? 'whether it is https, and ' : ''}--url.`,
      )
  }
  return new Unreachable(
    `${server} cannot be reached, or the connection broke: ${visible(message)}${code && ` (${code})`}.`,
  )
}

const CERTIFICATE = /CERT|SELF_SIGNED|VERIFY/

function certificateSentence(server: string, code: string): string {
  if (code === 'CERT_HAS_EXPIRED') return `The certificate of ${server} has expired: renew it on the server.`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `The certificate of ${server} is for other names: give one of those by --url, or renew it on the server.`
  return `The certificate of ${server} is not from a CA known here (${code}): name the file of its CA by NODE_EXTRA_CA_CERTS.`
}

/** `fetch` wraps it, and several attempts to connect are one `AggregateError`. */
export function causeOf(error: unknown): NodeJS.ErrnoException {
  if (error instanceof AggregateError && error.errors.length > 0) return causeOf(error.errors[0])
  if (error instanceof Error && error.cause instanceof Error) return causeOf(error.cause)
  return error instanceof Error ? error : new Error(String(error))
}
