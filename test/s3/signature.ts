import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** What a request was signed with; `payloadHash` is what it said of its body. */
export interface SignedRequest {
  readonly presigned: boolean
  readonly payloadHash: string
}

/** A refusal, with the code and status of S3. */
export class S3Refusal extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message = code) {
    super(message)
    this.status = status
    this.code = code
  }
}

const MAX_SKEW_MS = 15 * 60 * 1000

interface Claim {
  readonly credential: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
  readonly date: string
  readonly payloadHash: string
}

/**
 * Checks Signature Version 4, in the headers or in the query, as S3 does: from the words of its documentation, and of nothing
 * that the client under test is made of.
 */
export function verifySignature(
  request: IncomingMessage,
  url: URL,
  keys: Credentials,
  now: number,
): SignedRequest {
  const presigned = url.searchParams.has('X-Amz-Signature')
  const claim = presigned ? claimOfQuery(url) : claimOfHeaders(request)
  const [accessKeyId, day = '', region = '', service = '', end] = claim.credential.split('/')
  if (accessKeyId !== keys.accessKeyId) throw new S3Refusal(403, 'InvalidAccessKeyId')
  if (service !== 's3' || end !== 'aws4_request') throw new S3Refusal(400, 'AuthorizationHeaderMalformed')
  const signedAt = timeOf(claim.date)
  if (presigned) {
    const expires = Number(url.searchParams.get('X-Amz-Expires'))
    if (!(expires >= 1 && expires <= 604_800)) throw new S3Refusal(400, 'AuthorizationQueryParametersError')
    if (now > signedAt + expires * 1000) throw new S3Refusal(403, 'AccessDenied', 'Request has expired')
  } else if (Math.abs(now - signedAt) > MAX_SKEW_MS) throw new S3Refusal(403, 'RequestTimeTooSkewed')
  if (!claim.signedHeaders.includes('host')) throw new S3Refusal(403, 'AccessDenied', 'host is not signed')
  requireSigned(request, claim.signedHeaders)
  const canonical = [
    request.method,
    url.pathname,
    canonicalQuery(url),
    ...claim.signedHeaders.map((name) => `${name}:${headerText(request, name)}`),
    '',
    claim.signedHeaders.join(';'),
    claim.payloadHash,
  ].join('\n')
  const scope = [day, region, service, 'aws4_request'].join('/')
  const toSign = ['AWS4-HMAC-SHA256', claim.date, scope, sha256(canonical)].join('\n')
  let key: Buffer = Buffer.from(`AWS4${keys.secretAccessKey}`)
  for (const part of [day, region, service, 'aws4_request']) key = hmac(key, part)
  const expected = hmac(key, toSign)
  const given = Buffer.from(claim.signature, 'hex')
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new S3Refusal(403, 'SignatureDoesNotMatch')
  return { presigned, payloadHash: claim.payloadHash }
}

function claimOfHeaders({ headers }: IncomingMessage): Claim {
  const pattern = /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)$/
  const [, credential, signedHeaders, signature] = pattern.exec(headers.authorization ?? '') ?? []
  if (credential === undefined || signedHeaders === undefined || signature === undefined)
    throw new S3Refusal(403, 'AccessDenied')
  return {
    credential,
    signedHeaders: signedHeaders.split(';'),
    signature,
    date: String(headers['x-amz-date']),
    payloadHash: String(headers['x-amz-content-sha256']),
  }
}

function claimOfQuery(url: URL): Claim {
  const get = (name: string) => url.searchParams.get(`X-Amz-${name}`) ?? ''
  if (get('Algorithm') !== 'AWS4-HMAC-SHA256') throw new S3Refusal(400, 'AuthorizationQueryParametersError')
  return {
    credential: get('Credential'),
    signedHeaders: get('SignedHeaders').split(';'),
    signature: get('Signature'),
    date: get('Date'),
    payloadHash: url.searchParams.get('X-Amz-Content-Sha256') ?? 'UNSIGNED-PAYLOAD',
  }
}

/** S3 demands a signature on each of its own headers that is sent. */
function requireSigned({ headers }: IncomingMessage, signed: readonly string[]): void {
  const missing = Object.keys(headers).find((name) => name.startsWith('x-amz-') && !signed.includes(name))
  if (missing !== undefined) throw new S3Refusal(403, 'AccessDenied', `${missing} is not signed`)
}

function headerText({ headers }: IncomingMessage, name: string): string {
  return String(headers[name] ?? '')
    .trim()
    .replace(/ +/g, ' ')
}

function canonicalQuery(url: URL): string {
  return [...url.searchParams]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&')
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** `20260408T120000Z` */
function timeOf(text: string): number {
  const time = Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (Number.isNaN(time)) throw new S3Refusal(403, 'AccessDenied', 'no date')
  return time
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
