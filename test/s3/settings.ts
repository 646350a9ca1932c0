import type { Environment } from '../../src/config/setting.ts'
import type { Credentials } from './signature.ts'

/** The settings of an installation that keeps its bytes on a test server. */
export function s3Settings(server: {
  readonly bucket: string
  readonly endpoint: string
  readonly credentials: Credentials
}): Environment {
  return {
    ENTREPOT_S3_BUCKET: server.bucket,
    ENTREPOT_S3_ENDPOINT: server.endpoint,
    AWS_ACCESS_KEY_ID: server.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
  }
}
