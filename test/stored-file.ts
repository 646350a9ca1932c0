import { Readable } from 'node:stream'
import { authenticate } from '../src/core/access/admit.ts'
import { type CreateFile, createFile } from '../src/core/files/create-file.ts'
import type { FileRecord } from '../src/core/files/file.ts'
import { receive } from '../src/core/uploads/receive-bytes.ts'
import { receiveBody } from '../src/intake/body.ts'
import type { TestServer } from './harness.ts'

const MAX_BYTES = 1024 * 1024

/** A file made by the holder of `key`, as any dialect makes it, with what no vendor lets a client say. */
export async function storedFile(
  server: TestServer,
  key: string,
  given: Partial<CreateFile> = {},
  content = 'hello',
): Promise<FileRecord> {
  const { services } = server.app
  const caller = await authenticate(services, key)
  const projectId = caller.projectIds[0] ?? ''
  const size = { atLeast: 0, atMost: MAX_BYTES }
  const body = receiveBody(Readable.from([Buffer.from(content)]), { maxBytes: MAX_BYTES }, { md5: false })
  await using received = await receive(services, { organizationId: caller.organizationId, size }, body)
  const plain: CreateFile = {
    projectId,
    name: 'notes.txt',
    mimeType: 'text/plain',
    purpose: null,
    externalId: null,
    expiry: { policy: 'never' },
  }
  return createFile(services, caller, { ...plain, ...given }, received)
}
