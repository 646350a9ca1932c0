import { exactly } from '../../core/body-size.ts'
import type { Caller } from '../../core/caller.ts'
import type { Services } from '../../core/services.ts'
import { stageBlob } from '../../core/uploads/stage-blob.ts'
import { receiveBody } from '../../http/body.ts'
import { SNIFF_BYTES, sniffType } from '../../http/sniff.ts'
import type { PlannedFile, StagedContent } from './operations.ts'

const PIECE_BYTES = 256 * 1024
const noPace = { minBytesPerSecond: 0, minRateWindowSeconds: 60 }

/**
 * Makes content that is in memory durable, within the quota of its project.
 * @throws ServiceError `storage-full`, `quota-exceeded`
 */
export async function stageContent(
  services: Services,
  { organizationId }: Caller,
  { projectId }: PlannedFile,
  content: Uint8Array,
): Promise<StagedContent> {
  const bytes = content.byteLength
  // The vendor's downloads have the MD5 as their ETag.
  const body = receiveBody(piecesOf(content), { maxBytes: bytes, ...noPace }, { md5: true })
  const reserve = { organizationId, projectId, files: 1, bytes }
  const blob = await stageBlob(services, body, { organizationId, size: exactly(bytes), reserve })
  return { blob, sniffedType: await sniffType(content.subarray(0, SNIFF_BYTES)) }
}

/** Others get their turn between pieces. */
async function* piecesOf(content: Uint8Array): AsyncGenerator<Uint8Array, void> {
  for (let start = 0; start < content.byteLength; start += PIECE_BYTES) {
    yield content.subarray(start, start + PIECE_BYTES)
  }
}
