import { randomBytes } from 'node:crypto'
import type { BodySize } from '../body-size.ts'
import { ServiceError } from '../errors.ts'
import type { Digests, IncomingBody } from '../incoming-body.ts'
import { commitWithinQuota } from '../limits/quota.ts'
import type { BlobKey } from '../ports/blob-store.ts'
import type { UsageOf } from '../ports/changes.ts'
import type { Services } from '../services.ts'

/** Bytes that are durable and that no file points at yet. */
export interface StagedBlob extends Digests {
  readonly key: BlobKey
  /** Counted already on the account of the file to come. */
  readonly reserved: UsageOf | undefined
}

/** A place for bytes that are about to come, and what was counted for them already. */
export interface BlobIntent extends Pick<StagedBlob, 'key' | 'reserved'> {
  readonly organizationId: string
  readonly size: BodySize
}

export interface IntendBlob {
  /** Whose bytes they are. */
  readonly organizationId: string
  readonly size: BodySize
  readonly reserve?: UsageOf
}

/**
 * Commits the key of a blob before its first byte, so that whatever a crash leaves behind is found again. Whoever gets one
 * fills it or discards it.
 * @throws ServiceError `storage-full` if the disk has less than `size.atLeast` left, `quota-exceeded` if `reserve` does not fit
 */
export async function intendBlob(
  services: Services,
  { organizationId, size, reserve }: IntendBlob,
): Promise<BlobIntent> {
  await requireSpace(services, size)
  const key = randomBytes(16).toString('hex')
  const blob = { key, collectAfter: services.clock.machineNow() + services.policy.writeLeaseMs }
  if (reserve === undefined) await services.metadata.commit([{ kind: 'blob.intend', blob }])
  else {
    const intend = { kind: 'blob.intend', blob, reserved: reserve } as const
    await commitWithinQuota(services, [{ kind: 'usage.add', usage: reserve }, intend])
  }
  return { key, organizationId, reserved: reserve, size }
}

/**
 * Receives bytes durably under an intended key; on any failure nothing is kept and nothing stays reserved.
 * @throws ServiceError what `body` throws
 */
export async function fillBlob(
  services: Services,
  intent: BlobIntent,
  body: IncomingBody,
): Promise<StagedBlob> {
  try {
    const { key, organizationId, reserved, size } = intent
    await services.blobs.put(key, body, { organizationId, size })
    return { key, reserved, ...(await body.digests()) }
  } catch (error) {
    await discardFailedBlob(services, intent.key)
    throw error
  }
}

/** Both in one, where the body is at hand. @throws ServiceError as both do */
export async function stageBlob(
  services: Services,
  body: IncomingBody,
  announced: IntendBlob,
): Promise<StagedBlob> {
  return fillBlob(services, await intendBlob(services, announced), body)
}

/** Gives staged bytes up, and what was reserved for them. */
export async function discardBlob(services: Services, key: BlobKey): Promise<void> {
  await giveUp(services, key, 0)
}

/** The same for bytes of which it is not known whether they are all that comes: they stay until nothing can be on its way. */
export async function discardFailedBlob(services: Services, key: BlobKey): Promise<void> {
  await giveUp(services, key, services.blobs.lateWriteMs ?? 0)
}

async function giveUp({ metadata, clock }: Services, key: BlobKey, afterMs: number): Promise<void> {
  const blob = { key, collectAfter: clock.machineNow() + afterMs, mayComeLate: true }
  // If it fails, `listForsakenBlobs` tells of the blob, and a job gives it up.
  await metadata.commit([{ kind: 'blob.release', blob }]).catch(() => undefined)
}

async function requireSpace({ blobs }: Services, { atLeast }: BodySize): Promise<void> {
  if (!(await blobs.hasRoomFor(atLeast)))
    throw new ServiceError('storage-full', 'There is no space for this file.')
}
