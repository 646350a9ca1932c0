import { createHash, hash } from 'node:crypto'
import type { Caller } from '../caller.ts'
import { ServiceError } from '../errors.ts'
import { type FileRecord, type StateNames, sameBytes, stateAt } from '../files/file.ts'
import { readSegment } from '../files/read-bytes.ts'
import { type PartsUpload, readPartsUpload, requireReader } from '../files/read-file.ts'
import type { Change, Segment } from '../ports/changes.ts'
import type { Services } from '../services.ts'
import { traced } from '../trace.ts'
import { MAX_SEGMENTS } from './append-upload.ts'
import type { TypeOf } from './finish-upload.ts'
import { uploadEnded } from './parts-upload.ts'
import { releaseTerms } from './receive-bytes.ts'
import { isOvertaken, requireDigest, requireSize, UNKNOWN_TYPE } from './receive-upload.ts'

export interface PlaceParts {
  /** Of the upload, in any form. */
  readonly id: string
  /** The parts that become the file, in this order: as `addPart` names them. */
  readonly starts: readonly number[]
  /** The MD5 that they must have together, lower-case hex. */
  readonly md5: string | undefined
  readonly typeOf: (upload: PartsUpload) => TypeOf
  readonly stateNames: StateNames
}

interface WholeDigests {
  readonly sha256: string
  /** Null: nobody asked for it. */
  readonly md5: string | null
}

/**
 * Makes a stored file of the parts of an upload, in one commit. Those left out are released, and count no more. The file is made
 * now: its creation and its end count from here. Repeating it with the same parts returns the same file.
 * @throws ServiceError `upload-not-found`, `scope-missing`; `state-conflict` if it is over, with other parts too; `bytes-missing` if
 *   a part is not there or named twice; `size-mismatch`; `checksum-mismatch`, and the parts stay
 */
export const placeParts = traced('placeParts', place)

async function place(services: Services, caller: Caller, input: PlaceParts): Promise<PartsUpload> {
  const placedParts = hash('sha256', input.starts.join())
  let digests: WholeDigests | undefined
  for (;;) {
    const upload = await readPartsUpload(services, caller, input.id)
    const state = stateAt(upload, services.clock.now())
    if (state !== 'pending') {
      requireReader(caller, upload)
      if (state === 'stored' && upload.placedParts === placedParts) return upload
      throw uploadEnded(state, input.stateNames)
    }
    try {
      const parts = await services.metadata.listParts(upload.id, MAX_SEGMENTS)
      const chosen = choose(parts, input.starts)
      const sizeBytes = chosen.reduce((sum, part) => sum + part.sizeBytes, 0)
      requireSize({ sizeBytes: upload.uploadMaxBytes }, sizeBytes)
      digests ??= await digestsOf(services, upload, chosen, input.md5)
      requireDigest(upload, digests.sha256)
      const isTold = upload.mimeType !== UNKNOWN_TYPE
      const content = bytesOf(services, upload, chosen)
      const mimeType = isTold ? upload.mimeType : await input.typeOf(upload)(content)
      const file = { ...upload, ...digests, ...madeAt(services.clock.now(), upload), sizeBytes, mimeType }
      const placed = { ...file, placedParts, updatedBy: caller.subject.id, segmentCount: chosen.length }
      // To read the bytes took longer than the session had left.
      if (stateAt(upload, placed.createdAt) !== 'pending') continue
      await services.metadata.commit(placing(services, upload, placed, parts, chosen))
      return { ...placed, ...wholeFields(sizeBytes) }
    } catch (error) {
      // Another part came at the same time, or the upload ended and its parts are elsewhere or gone: look again.
      if (!isOvertaken(error) && !(await hasEnded(services, upload))) throw error
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

/** @throws ServiceError `checksum-mismatch` if the MD5 is not the one that is asked for */
async function digestsOf(
  services: Services,
  upload: PartsUpload,
  chosen: readonly Segment[],
  expectedMd5: string | undefined,
): Promise<WholeDigests> {
  const sha256 = createHash('sha256')
  const md5 = expectedMd5 === undefined ? undefined : createHash('md5')
  for await (const chunk of bytesOf(services, upload, chosen)) {
    sha256.update(chunk)
    md5?.update(chunk)
  }
  const digests = { sha256: sha256.digest('hex'), md5: md5?.digest('hex') ?? null }
  if (expectedMd5 === undefined || digests.md5 === expectedMd5) return digests
  throw new ServiceError('checksum-mismatch', 'The parts do not have this MD5 together.', { field: 'md5' })
}

async function* bytesOf(services: Services, { id }: PartsUpload, parts: readonly Segment[]) {
  for (const part of parts) yield* readSegment(services, id, part)
}

/** The file of an upload is made when it is completed, and ends as long after that as was asked for. */
function madeAt(now: number, { createdAt, expiresAt }: FileRecord) {
  const end = expiresAt === null ? null : expiresAt + now - createdAt
  return {
    state: 'stored',
    createdAt: now,
    storedAt: now,
    lastActiveAt: now,
    updatedAt: now,
    expiresAt: end,
  } as const
}

function wholeFields(sizeBytes: number) {
  // Whoever joins them finds out.
  return { sizeBytes, uploadMaxBytes: sizeBytes, blobSizeBytes: sizeBytes, joinDue: true } as const
}

function placing(
  services: Services,
  upload: PartsUpload,
  placed: FileRecord,
  parts: readonly Segment[],
  chosen: readonly Segment[],
): Change[] {
  const { id: fileId, organizationId, projectId } = upload
  const { sizeBytes, state, createdAt, storedAt, lastActiveAt, expiresAt, updatedAt, updatedBy } = placed
  const { mimeType, sha256, md5, segmentCount, placedParts } = placed
  const usage = { organizationId, projectId, files: 0, bytes: sizeBytes - upload.sizeBytes }
  const patch = {
    ...{ state, createdAt, storedAt, lastActiveAt, expiresAt, updatedAt, updatedBy },
    ...{ mimeType, sha256, md5, segmentCount, placedParts },
    ...wholeFields(sizeBytes),
  }
  const guard = { state: 'pending', ...sameBytes(upload) } as const
  const blob = releaseTerms(services, upload, 0)
  const kept = new Set(chosen)
  let newStart = 0
  return [
    ...(usage.bytes === 0 ? [] : [{ kind: 'usage.add', usage } as const]),
    { kind: 'file.update', id: fileId, guard, patch },
    ...parts
      .filter((part) => !kept.has(part))
      .map((segment): Change => ({ kind: 'segment.release', fileId, segment, blob })),
    ...chosen.map(({ start, sizeBytes: partBytes }): Change => {
      newStart += partBytes
      return { kind: 'segment.place', fileId, start, newStart: newStart - partBytes }
    }),
  ]
}

async function hasEnded({ metadata, clock }: Services, { id }: FileRecord): Promise<boolean> {
  const file = await metadata.findFile(id)
  return file === undefined || stateAt(file, clock.now()) !== 'pending'
}
