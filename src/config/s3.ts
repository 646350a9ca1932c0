import { onOff, text, url } from './parsers.ts'
import { Secret } from './secret.ts'
import {
  environmentName,
  group,
  listSettings,
  type Parser,
  type Source,
  setting,
  WrongValue,
} from './setting.ts'

/** Of names of buckets (docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html). */
const BUCKET_RULE = '3 to 63 lower-case letters, digits, dots and hyphens, no dot or hyphen at an end'

const bucketName: Parser<string> = (name) => {
  if (/^[a-z\d][a-z\d.-]{1,61}[a-z\d]$/.test(name)) return name
  throw new WrongValue(`must be the name of a bucket (${BUCKET_RULE}), not "${name}".`)
}

const prefix: Parser<string> = (given) => {
  if (!/^[\w.-]*(?:\/[\w.-]+)*\/?$/.test(given) || given.startsWith('/'))
    throw new WrongValue(`must be like "files/" or "a/b/", not "${given}".`)
  return given === '' || given.endsWith('/') ? given : `${given}/`
}

const rows = {
  bucket: setting('S3_BUCKET <name>', bucketName, {
    help: 'bucket that keeps the bytes, instead of the data folder',
    more: 'The database stays where it is.',
  }),
  /** Undefined: Amazon's own. */
  endpoint: setting('S3_ENDPOINT <url>', url, {
    otherwise: "Amazon's",
    help: 'address of the S3 store',
    more: 'Any store that speaks S3 will do, like `https://s3.example:9000`.',
  }),
  region: setting('S3_REGION <region>', text, {
    otherwise: '`AWS_REGION`, or `us-east-1`',
    help: 'region of the bucket',
  }),
  /** Empty, or ends with a slash. */
  prefix: setting('S3_PREFIX <prefix>', prefix, {
    fallback: '',
    help: 'beginning of the names of objects',
    more: 'Like `files/`.',
  }),
  pathStyle: setting('S3_PATH_STYLE <on|off>', onOff, {
    otherwise: '`on` with an endpoint',
    help: 'name the bucket in the path, not in the host',
  }),
  direct: setting('DIRECT_TRANSFER <on|off>', onOff, {
    fallback: 'off',
    help: 'let clients exchange bytes with the bucket itself',
    more: 'They get URLs that its credentials sign; see [Bytes in S3](docs/s3.md).',
  }),
}

/** Undefined: bytes are kept on disk. The other settings make no sense without a bucket. */
export const s3 = group(rows, (values, source) => {
  const { env, refuse } = source
  if (!env.ENTREPOT_S3_BUCKET) {
    for (const row of listSettings(rows))
      if (env[environmentName(row)]) refuse(row.variable, 'needs ENTREPOT_S3_BUCKET.')
    return undefined
  }
  const { bucket = '', endpoint, region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1' } = values
  const pathStyle = values.pathStyle ?? endpoint !== undefined
  return { ...values, bucket, endpoint, region, pathStyle, credentials: credentialsOf(source) }
})

/** A bucket for the bytes, and how it is reached. */
export type S3Settings = NonNullable<ReturnType<typeof s3.combine>>

/** Undefined: what the SDK finds in shared files, containers and instances. */
function credentialsOf({ env, problems }: Source) {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: token } = env
  if (!accessKeyId !== !secret) problems.push('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together.')
  if (!accessKeyId || !secret) return undefined
  const secretAccessKey = new Secret(secret)
  return { accessKeyId, secretAccessKey, ...(token ? { sessionToken: new Secret(token) } : {}) }
}
