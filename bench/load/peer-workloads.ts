import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { TEST_BUCKET, testCredentials } from '../../test/s3/server.ts'
import { Connection } from './connection.ts'
import { pathOf, requestBytes } from './request.ts'
import { ONE_WRITE_BYTES, readFiles, repeating, sendPattern, type Target, type Workload } from './workload.ts'

/** The least request there is. */
export function nothing(): Workload {
  return repeating([requestBytes('GET', '/')])
}

/** One PUT to a path of its own, as WebDAV has it. */
export function plainPut({ url, sizeBytes }: Target): Workload {
  return {
    async run(connection, turn) {
      const path = `/${process.hrtime.bigint()}-${turn}.bin`
      await sendPattern(connection, ['PUT', path, {}], 0, sizeBytes)
      return path
    },
    locate: (path) => url + path,
  }
}

/** Each body is compared. */
export async function plainGet(target: Target): Promise<Workload> {
  const put = plainPut(target)
  const connection = await Connection.open(target.url, ONE_WRITE_BYTES)
  const paths: string[] = []
  for (let i = 0; i < readFiles(target.sizeBytes); i++) paths.push(await put.run(connection, i))
  connection.close()
  return repeating(
    paths.map((path) => requestBytes('GET', path)),
    target.sizeBytes,
  )
}

/** One PUT to a presigned link, its digest unsigned. */
export function s3Put({ url, sizeBytes }: Target): Workload {
  const client = new S3Client({
    endpoint: url,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: testCredentials,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
  return {
    async run(connection, turn) {
      const key = `${process.hrtime.bigint()}-${turn}.bin`
      const link = await getSignedUrl(client, new PutObjectCommand({ Bucket: TEST_BUCKET, Key: key }))
      const { host } = new URL(link)
      await sendPattern(connection, ['PUT', pathOf(link), { host }], 0, sizeBytes)
      return key
    },
    locate: (key) => getSignedUrl(client, new GetObjectCommand({ Bucket: TEST_BUCKET, Key: key })),
  }
}
