import { ServiceError } from '../errors.ts'
import { type FileRecord, sameBytes, stateAt } from '../files/file.ts'
import type { Change, Segment } from '../ports/changes.ts'
import type { Services } from '../services.ts'
import { MAX_SEGMENTS } from './append-upload.ts'
import { finishUpload, isWhole, type TypeOf } from './finish-upload.ts'
import { releaseTerms } from './receive-bytes.ts'
import { isOvertaken, type OpenUpload, requireSize, uploadIsOver } from './receive-upload.ts'

export interface PlaceParts {
  /** The parts that become the file, in this order: as `addPart` names them. */
  readonly starts: readonly number[]
  /** What they have to add up to. */
  readonly fileBytes: number
  readonly typeOf: TypeOf
}

/**
 * Makes a stored file of the parts of an open upload. Those left out are released, and count no more.
 * @returns the row afterwards
 * @throws ServiceError `link-invalid` if the upload is over, `bytes-missing` if a part is not there or named twice,
 *   `size-mismatch`; `checksum-mismatch` if these are not the announced bytes, which are given up then
 */
export async function placeParts(
  services: Services,
  asked: OpenUpload,
  input: PlaceParts,
): Promise<FileRecord> {
  for (;;) {
    const file = await services.metadata.findFile(asked.id)
    if (file === undefined || stateAt(file, services.clock.now()) !== 'pending') throw uploadIsOver()
    // Placed before, by a request that could not finish.
    if (isWhole(file)) return finishUpload(services, file, input.typeOf)
    const parts = await services.metadata.listParts(file.id, MAX_SEGMENTS)
    const chosen = choose(parts, input.starts)
    const placed: FileRecord = { ...file, ...placedFields(services, file, chosen, input) }
    try {
      await services.metadata.commit(placing(services, file, placed, parts, chosen))
      return await finishUpload(services, placed, input.typeOf)
    } catch (error) {
      // Another part came at the same time: look again.
      if (!isOvertaken(error)) throw error
    }
  }
}

/** @throws ServiceError `bytes-missing` */
function choose(parts: readonly Segment[], starts: readonly number[]): readonly Segment[] {
  const left = new Map(parts.map((part) => [part.start, part]))
  return starts.map((start) => {
    const part = left.get(start)
    if (!left.delete(start) || part === undefined)
      throw new ServiceError('bytes-missing', 'A part is not one of this upload, or is named twice.')
    return part
  })
}

function placedFields(
  { clock }: Services,
  file: FileRecord,
  chosen: readonly Segment[],
  { fileBytes }: PlaceParts,
) {
  const sizeBytes = chosen.reduce((sum, part) => sum + part.sizeBytes, 0)
  requireSize({ ...file, sizeBytes: fileBytes }, sizeBytes)
  if (sizeBytes === 0) throw new ServiceError('bytes-missing', 'The upload has no parts.')
  return {
    sizeBytes,
    uploadMaxBytes: sizeBytes,
    blobSizeBytes: sizeBytes,
    segmentCount: chosen.length,
    // Whoever joins them finds out.
    joinDue: true,
    updatedAt: clock.now(),
  }
}

function placing(
  services: Services,
  file: FileRecord,
  { sizeBytes, uploadMaxBytes, blobSizeBytes, segmentCount, joinDue, updatedAt }: FileRecord,
  parts: readonly Segment[],
  chosen: readonly Segment[],
): Change[] {
  const { id: fileId, organizationId, projectId } = file
  const usage = { organizationId, projectId, files: 0, bytes: sizeBytes - file.sizeBytes }
  const patch = { sizeBytes, uploadMaxBytes, blobSizeBytes, segmentCount, joinDue, updatedAt }
  const guard = { state: 'pending', ...sameBytes(file) } as const
  const blob = releaseTerms(services, file, 0)
  let newStart = 0
  return [
    ...(usage.bytes === 0 ? [] : [{ kind: 'usage.add', usage } as const]),
    { kind: 'file.update', id: fileId, guard, patch },
    ...parts
      .filter((part) => !chosen.includes(part))
      .map((segment): Change => ({ kind: 'segment.release', fileId, segment, blob })),
    ...chosen.map(({ start, sizeBytes: partBytes }): Change => {
      newStart += partBytes
      return { kind: 'segment.place', fileId, start, newStart: newStart - partBytes }
    }),
  ]
}
