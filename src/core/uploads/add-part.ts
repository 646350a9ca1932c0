import { randomInt } from 'node:crypto'
import { ServiceError } from '../errors.ts'
import { type FileRecord, type StateNames, sameBytes, stateAt } from '../files/file.ts'
import type { PartsUpload } from '../files/read-file.ts'
import type { BodySize } from '../incoming-body.ts'
import type { Services } from '../services.ts'
import { traced } from '../trace.ts'
import { MAX_SEGMENTS } from './append-upload.ts'
import { uploadEnded } from './parts-upload.ts'
import { expectBytes, type ReceivedBytes } from './receive-bytes.ts'
import { isOvertaken } from './receive-upload.ts'

/** Names of parts are negative, random, and fit into six bytes. */
const MAX_NAME = 2 ** 48 - 1

/**
 * A place for the bytes of a part that is about to come. The owner gives it up by `await using`.
 * @throws ServiceError `state-conflict` if the upload is over; `quota-exceeded`, `storage-full`; `storage-unavailable` while not
 *   all servers know parts
 */
export function expectPart(
  services: Services,
  upload: PartsUpload,
  size: BodySize,
  stateNames: StateNames,
): Promise<ReceivedBytes> {
  requirePending(upload, services.clock.now(), stateNames)
  if (!services.metadata.takesSegments)
    throw new ServiceError('storage-unavailable', 'Parts are not taken before all servers are upgraded.')
  const { organizationId, projectId } = upload
  const reserve = { organizationId, projectId, files: 0, bytes: size.atLeast }
  return expectBytes(services, { organizationId, size, ...(size.atLeast > 0 && { reserve }) })
}

export interface AddPart {
  readonly received: ReceivedBytes
  /** What all parts may add up to, those included that will be left out. */
  readonly allPartsBytes: number
  readonly stateNames: StateNames
}

/**
 * Adds bytes that have come to an upload, without a place in it yet; any number at once. They count against quotas from now on,
 * until `placeParts` leaves them out or the upload ends.
 * @returns the name of the part: where the ledger has it until it gets its place, a negative number
 * @throws ServiceError `state-conflict` if the upload is over; `bytes-missing`, `quota-exceeded`; `rule-violated` if it has as many
 *   parts, or as many bytes, as it may have. Nothing is kept then.
 */
export const addPart = traced('addPart', add)

async function add(
  services: Services,
  asked: PartsUpload,
  { received, allPartsBytes, stateNames }: AddPart,
): Promise<number> {
  const { id, organizationId, projectId } = asked
  const { digests, reserved } = received
  const { sizeBytes } = digests
  if (sizeBytes === 0) throw new ServiceError('bytes-missing', 'The part is empty.')
  const start = -randomInt(1, MAX_NAME)
  for (let file: FileRecord = asked; ; file = (await services.metadata.findFile(id)) ?? asked) {
    const now = services.clock.now()
    requirePending(file, now, stateNames)
    requireRoomForPart(file, sizeBytes, allPartsBytes)
    const bytes = sizeBytes - (reserved?.bytes ?? 0)
    const usage = { organizationId, projectId, files: 0, bytes }
    const patch = {
      layout: 'segments',
      segmentCount: file.segmentCount + 1,
      sizeBytes: file.sizeBytes + sizeBytes,
      updatedAt: now,
    } as const
    const guard = { state: 'pending', ...sameBytes(file) } as const
    try {
      await received.take([
        ...(bytes === 0 ? [] : [{ kind: 'usage.add', usage } as const]),
        { kind: 'file.update', id, guard, patch },
        ...received.claimAsSegment(id, start),
      ])
      return start
    } catch (error) {
      // Another part came at the same time: look again.
      if (!isOvertaken(error)) throw error
    }
  }
}

function requirePending(file: FileRecord, now: number, names: StateNames): void {
  const state = stateAt(file, now)
  if (state !== 'pending') throw uploadEnded(state, names)
}

function requireRoomForPart({ segmentCount, sizeBytes }: FileRecord, partBytes: number, all: number): void {
  if (segmentCount >= MAX_SEGMENTS)
    throw new ServiceError('rule-violated', `An upload has at most ${MAX_SEGMENTS} parts.`)
  if (sizeBytes + partBytes > all)
    throw new ServiceError('rule-violated', `The parts would add up to more than ${all} bytes.`)
}
