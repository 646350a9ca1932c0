import type { S3Location } from './connection.ts'
import { LATE, s3CodeOf, statusOf } from './errors.ts'

const NO_CREDENTIALS = 'CredentialsProviderError'
const refusedCodes = new Set([
  'AccessDenied',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidToken',
  'SignatureDoesNotMatch',
])
const regionCodes = new Set([
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
  'PermanentRedirect',
])
/** Of Node's network and of OpenSSL (nodejs.org, "Errors" and "TLS"). */
const unreachedCodes = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  LATE,
  'TimeoutError',
])
const certificateCodes =
  /^(?:CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|ERR_TLS_CERT|SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY)/

/** Why a bucket cannot be used, in one sentence that says what to do. */
export function probeFailure(error: unknown, location: S3Location): string {
  const { bucket, region } = location
  const where = nameOf(location)
  const code = s3CodeOf(error)
  const status = statusOf(error)
  if (code === NO_CREDENTIALS)
    return `There are no credentials for the bucket "${bucket}" at ${where}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where the AWS SDK finds some (a shared file, the role of a container or an instance).`
  if (status === undefined) return connectionFailure(code, where)
  // Every refusal of S3 has a code of its own in its body (S3 API reference, "Error responses").
  if (typeof (error as { readonly Code?: unknown }).Code !== 'string')
    return strangerFailure(status, location)
  if (code === 'NoSuchBucket')
    return `There is no bucket "${bucket}" at ${where}; create it, or correct ENTREPOT_S3_BUCKET.`
  if (refusedCodes.has(code))
    return `${where} refuses these credentials for the bucket "${bucket}" (${code}); correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or allow them to list, read, write and delete.`
  if (regionCodes.has(code))
    return `The bucket "${bucket}" is not in the region ${region} (${code}); correct ENTREPOT_S3_REGION.`
  if (code === 'RequestTimeTooSkewed')
    return `The clock of this machine is too far from that of ${where}; correct it.`
  return `The bucket "${bucket}" at ${where} cannot be used (${code}); see the log of the store.`
}

/** The bucket keeps what is deleted. */
export function versionedFailure({ bucket }: S3Location): string {
  return `The bucket "${bucket}" keeps old versions, so that deleted files would stay in it; use a bucket without versioning.`
}

/** Somebody else answered: a web server, or a proxy in front of the store. */
export function strangerFailure(status: number, location: S3Location): string {
  const help = `${status >= 500 ? 'start the store, or ' : ''}correct ENTREPOT_S3_ENDPOINT`
  return `${nameOf(location)} answers ${status}, and not as S3 does; ${help}.`
}

function nameOf({ endpoint, region }: S3Location): string {
  return endpoint ?? `Amazon S3 in ${region}`
}

/** There was no answer at all. */
function connectionFailure(code: string, where: string): string {
  if (unreachedCodes.has(code))
    return `${where} cannot be reached (${code}); start the store, or correct ENTREPOT_S3_ENDPOINT.`
  if (certificateCodes.test(code))
    return `The certificate of ${where} is not trusted (${code}); name its authority by NODE_EXTRA_CA_CERTS.`
  if (code === 'EPROTO')
    return `${where} does not speak TLS (${code}); write http:// in ENTREPOT_S3_ENDPOINT, or correct the port.`
  return `${where} does not answer like S3 (${code}); correct ENTREPOT_S3_ENDPOINT.`
}
