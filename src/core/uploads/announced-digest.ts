import { ServiceError } from '../errors.ts'
import type { FileRecord } from '../files/file.ts'
import type { IncomingBody } from '../incoming-body.ts'

/** In which a client announces the SHA-256 of the bytes that it will put. Ours and no vendor's, so it is the same everywhere. */
export const DIGEST_HEADER = 'Entrepot-Content-Sha256'

type Announced = Pick<FileRecord, 'expectedSha256'>

/** Where nothing was announced all bytes will do. @throws ServiceError `checksum-mismatch` */
export function requireDigest({ expectedSha256 }: Announced, sha256: string | null): void {
  if (expectedSha256 === null || expectedSha256 === sha256) return
  const message = 'The bytes do not have the SHA-256 that was announced for them.'
  throw new ServiceError('checksum-mismatch', message, { field: DIGEST_HEADER })
}

/** The same body, which fails at its end if it is not the announced one: whoever stores it keeps nothing then. */
export function announcedBody(file: Announced, body: IncomingBody): IncomingBody {
  if (file.expectedSha256 === null) return body
  return {
    digests: () => body.digests(),
    [Symbol.asyncIterator]() {
      const chunks = body[Symbol.asyncIterator]()
      return {
        async next() {
          const step = await chunks.next()
          if (step.done) requireDigest(file, (await body.digests()).sha256)
          return step
        },
        // Not a generator: one that waits could not be told to stop.
        return: async () => (await chunks.return?.()) ?? { done: true, value: undefined },
      }
    },
  }
}
