import { randomInt } from 'node:crypto'
import { ServiceError } from '../errors.ts'
import { type FileRecord, sameBytes, stateAt } from '../files/file.ts'
import type { Digests, IncomingBody } from '../incoming-body.ts'
import type { Services } from '../services.ts'
import { MAX_SEGMENTS } from './append-upload.ts'
import { receive } from './receive-bytes.ts'
import { isOvertaken, type OpenUpload, uploadIsOver } from './receive-upload.ts'

/** Names of parts are negative, random, and fit into six bytes. */
const MAX_NAME = 2 ** 48 - 1

export interface AddPart {
  readonly body: IncomingBody
  /** Bounds of the body. */
  readonly partBytes: { readonly atLeast: number; readonly atMost: number }
}

/** A part that has come. */
export interface AddedPart {
  /** Where the ledger has it until it gets its place: a negative number. */
  readonly start: number
  readonly digests: Digests
}

/**
 * Adds bytes to an open upload that have no place in it yet; any number at once. They count against quotas from now on, until
 * `placeParts` leaves them out or the upload ends. An upload takes either parts or appends.
 * @throws ServiceError `link-invalid` if the upload is over; `bytes-missing`, `quota-exceeded`, `storage-full`;
 *   `state-conflict` if it has as many parts as it may have; `storage-unavailable` while not all servers know parts; and what the
 *   body throws. Nothing is kept then.
 */
export async function addPart(
  services: Services,
  asked: OpenUpload,
  { body, partBytes }: AddPart,
): Promise<AddedPart> {
  if (!services.metadata.takesSegments)
    throw new ServiceError('storage-unavailable', 'Parts are not taken before all servers are upgraded.')
  const { id, organizationId, projectId } = asked
  const account = { organizationId, projectId, files: 0 }
  const reserve = partBytes.atLeast > 0 ? { ...account, bytes: partBytes.atLeast } : undefined
  await using received = await receive(services, { organizationId, size: partBytes, reserve }, body)
  const { digests, reserved } = received
  const { sizeBytes } = digests
  if (sizeBytes === 0) throw new ServiceError('bytes-missing', 'The part is empty.')
  const start = -randomInt(1, MAX_NAME)
  for (let file: FileRecord | undefined = asked; ; file = await services.metadata.findFile(id)) {
    const now = services.clock.now()
    if (file === undefined || stateAt(file, now) !== 'pending') throw uploadIsOver()
    requireRoomForPart(file)
    const counted = { ...account, bytes: sizeBytes - (reserved?.bytes ?? 0) }
    const patch = {
      layout: 'segments',
      segmentCount: file.segmentCount + 1,
      sizeBytes: file.sizeBytes + sizeBytes,
      updatedAt: now,
    } as const
    const guard = { state: 'pending', ...sameBytes(file) } as const
    try {
      await received.take([
        ...(counted.bytes === 0 ? [] : [{ kind: 'usage.add', usage: counted } as const]),
        { kind: 'file.update', id, guard, patch },
        ...received.claimAsSegment(id, start),
      ])
      return { start, digests }
    } catch (error) {
      // Another part came at the same time: look again.
      if (!isOvertaken(error)) throw error
    }
  }
}

function requireRoomForPart({ segmentCount, blobSizeBytes }: FileRecord): void {
  if (blobSizeBytes !== null)
    throw new ServiceError('state-conflict', 'The upload has bytes already, and takes no parts.')
  if (segmentCount < MAX_SEGMENTS) return
  throw new ServiceError('state-conflict', `An upload has at most ${MAX_SEGMENTS} parts.`)
}
