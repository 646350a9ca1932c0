import { randomBytes } from 'node:crypto'
import { ServiceError } from '../errors.ts'
import type { FileId } from '../file-id.ts'
import type { FileRecord } from '../files/file.ts'
import type { BodySize, Digests, IncomingBody } from '../incoming-body.ts'
import { throwQuota } from '../limits/quota.ts'
import type { BlobKey } from '../ports/blob-store.ts'
import type { Change, NewSegment, ReleaseTerms, UsageOf } from '../ports/changes.ts'
import type { Services, UpkeepServices } from '../services.ts'
import { traced } from '../trace.ts'
import { headOf } from './head-of.ts'

/** What is known of bytes before the first has come. */
export interface BytesPlan {
  /** Whose bytes they are. */
  readonly organizationId: string
  readonly size: BodySize
  /** Counted before the first byte is written, on the account of the file to come. */
  readonly reserve?: UsageOf | undefined
}

/** How a file's row tells of bytes that are all of it. */
export type BytesFields = Pick<
  FileRecord,
  'layout' | 'segmentCount' | 'joinDue' | 'blobKey' | 'blobSizeBytes' | 'sha256' | 'md5'
>

/**
 * Bytes that no file points at: on their way, durable as a blob, or, if they are few, in memory until the commit that makes them
 * a file's. Who asked for them owns them by `await using`, and nobody else deletes: the end of the owner's block gives them up
 * with their reservation, unless a use case took them into a file.
 */
export class ReceivedBytes implements AsyncDisposable {
  /** Made when it is needed: few bytes are no blob. */
  #madeKey: BlobKey | undefined
  readonly plan: BytesPlan
  readonly #services: Services
  #reserved: UsageOf | undefined
  #digests: Digests | undefined
  /** All of them, where the database is to hold them. */
  #bytes: Uint8Array | undefined
  /** Bytes of an attempt that failed may still be on their way to the store. */
  #hasFailed = false
  /** Whether the key is listed as one that may have bytes and belongs to no file. */
  #isListed = false

  constructor(services: Services, plan: BytesPlan) {
    this.#services = services
    this.plan = plan
  }

  /**
   * Makes sure of room, of the quota, and that whatever a crash leaves behind is found again: the key is committed before the
   * first byte.
   * @throws ServiceError `storage-full` if the disk has less than `size.atLeast` left, `quota-exceeded` if `reserve` does not fit
   */
  async intend(): Promise<void> {
    const { metadata, blobs } = this.#services
    const { reserve: reserved, size } = this.plan
    if (!(await blobs.hasRoomFor(size.atLeast)))
      throw new ServiceError('storage-full', 'There is no space for this file.')
    const intend: Change = { kind: 'blob.intend', blob: this.#lease(), ...(reserved && { reserved }) }
    const counted: Change[] = reserved ? [{ kind: 'usage.add', usage: reserved }] : []
    await metadata.commit([...counted, intend]).catch(throwQuota)
    this.#isListed = true
    this.#reserved = reserved
  }

  /**
   * Takes the body, durably unless it is small. Called once.
   * @throws ServiceError what `body` and `intend` throw; then nothing is kept or reserved
   */
  async fill(body: IncomingBody): Promise<this> {
    const chunks = body[Symbol.asyncIterator]()
    try {
      const head = await headOf(chunks, this.#isListed ? NONE : inlineLimit(this.#services))
      if (head.isWhole) {
        this.#bytes = head.bytes
        this.#digests = body.digests()
        return this
      }
      const { organizationId, size } = this.plan
      await this.fillBy(async (key) => {
        await this.#services.blobs.put(key, head.andRest(), { organizationId, size })
        return body.digests()
      })
      return this
    } finally {
      await chunks.return?.()
    }
  }

  /** Lets `store` put bytes under the key. @returns whether it did; where not, nothing is kept or reserved */
  async fillBy(store: (key: BlobKey) => Promise<Digests | undefined>): Promise<boolean> {
    if (!this.#isListed) await this.intend()
    try {
      this.#digests = await store(this.#key)
      if (this.#digests !== undefined) return true
    } catch (error) {
      this.#hasFailed = true
      await this[Symbol.asyncDispose]()
      throw error
    }
    await this[Symbol.asyncDispose]()
    return false
  }

  get #key(): BlobKey {
    this.#madeKey ??= randomBytes(16).toString('hex')
    return this.#madeKey
  }

  /** Of bytes that have come; before, it is a mistake to ask. */
  get digests(): Digests {
    if (this.#digests === undefined) throw new Error('the bytes have not come yet')
    return this.#digests
  }

  /** Counted already on the account of the file to come. */
  get reserved(): UsageOf | undefined {
    return this.#reserved
  }

  /** Reads bytes that have come. @throws StoreError `missing`, `unavailable` */
  async open(): Promise<AsyncIterable<Uint8Array>> {
    return this.#bytes === undefined ? this.#services.blobs.open(this.#key) : oneChunk(this.#bytes)
  }

  /** The row of a file of which these are all bytes. */
  get fields(): BytesFields {
    const { sizeBytes, sha256, md5 } = this.digests
    const isInline = this.#bytes !== undefined
    return {
      layout: isInline ? 'inline' : 'blob',
      segmentCount: isInline ? 1 : 0,
      joinDue: false,
      blobKey: isInline ? null : this.#key,
      blobSizeBytes: sizeBytes,
      sha256,
      md5,
    }
  }

  /** The change by which they become all bytes of a file. */
  claimFor(fileId: FileId): Change {
    if (this.#bytes === undefined) return { kind: 'blob.claim', key: this.#key }
    return { kind: 'segment.insert', fileId, segment: this.#segmentAt(0) }
  }

  /** The changes by which they become a segment of a file. */
  claimAsSegment(fileId: FileId, start: number): Change[] {
    const insert: Change = { kind: 'segment.insert', fileId, segment: this.#segmentAt(start) }
    return this.#bytes === undefined ? [{ kind: 'blob.claim', key: this.#key }, insert] : [insert]
  }

  #segmentAt(start: number): NewSegment {
    const { sizeBytes, sha256 } = this.digests
    const bytes = this.#bytes ?? null
    return { start, sizeBytes, sha256, blobKey: bytes ? null : this.#key, bytes }
  }

  /**
   * Commits changes with the claim of the bytes among them: from then on they are a file's.
   * @throws ServiceError `quota-exceeded`; StoreError `conflict`
   */
  async take(changes: readonly Change[]): Promise<void> {
    await this.#services.metadata.commit(changes).catch(throwQuota)
    this.#isListed = false
  }

  /** The bytes stay as they are, under the same key and a lease from now on. */
  async giveReservationBack(): Promise<void> {
    if (this.#reserved === undefined) return
    const { files, bytes } = this.#reserved
    await this.#services.metadata.commit([
      { kind: 'blob.claim', key: this.#key },
      { kind: 'usage.add', usage: { ...this.#reserved, files: -files, bytes: -bytes } },
      { kind: 'blob.intend', blob: this.#lease() },
    ])
    this.#reserved = undefined
  }

  /** Nothing happens if a file points at them: the outcome of the commit that took them may be unknown. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isListed) return
    this.#isListed = false
    const { metadata, clock, blobs } = this.#services
    const collectAfter = clock.machineNow() + (this.#hasFailed ? (blobs.lateWriteMs ?? 0) : 0)
    const blob = { key: this.#key, collectAfter, mayComeLate: true }
    // If it fails, `listForsakenBlobs` tells of the blob, and a job gives it up.
    await metadata.commit([{ kind: 'blob.release', blob }]).catch(() => undefined)
  }

  #lease() {
    const { clock, policy } = this.#services
    return { key: this.#key, collectAfter: clock.machineNow() + policy.writeLeaseMs }
  }
}

/**
 * A place for bytes that are about to come. What may be small enough for the database is counted with the commit that makes it a
 * file.
 * @throws ServiceError as `intend`
 */
export async function expectBytes(services: Services, plan: BytesPlan): Promise<ReceivedBytes> {
  const bytes = new ReceivedBytes(services, plan)
  if (plan.size.atLeast > inlineLimit(services)) await bytes.intend()
  return bytes
}

/**
 * Receives a body.
 * @throws ServiceError as `expectBytes`, and what `body` throws; then nothing is kept
 */
export const receive = traced('receiveBytes', receiveBody)

async function receiveBody(services: Services, plan: BytesPlan, body: IncomingBody): Promise<ReceivedBytes> {
  return (await expectBytes(services, plan)).fill(body)
}

/** Not even an empty body. */
const NONE = -1

/** The largest body that the database may hold. Where room is short small ones, too, take the way on which they ask for it. */
function inlineLimit({ metadata, policy }: Services): number {
  const takesBytes = metadata.takesSegments && !metadata.isShortOfRoom && policy.inlineBytes > 0
  return takesBytes ? policy.inlineBytes : NONE
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** The changes that give up a file's bytes, if it has any; blobs may be collected `afterMs` from now. */
export function releaseBytes(services: UpkeepServices, file: FileRecord, afterMs = 0): Change[] {
  const { id, blobKey: key, layout } = file
  const terms = releaseTerms(services, file, afterMs)
  if (key !== null) return [{ kind: 'blob.release', blob: { key, ...terms } }]
  return layout === 'blob' ? [] : [{ kind: 'segments.release', fileId: id, blobs: terms }]
}

/** When bytes of a file may be removed. Young ones may have been sent more than once, and the network may hold one copy back. */
export function releaseTerms(
  { blobs, clock }: UpkeepServices,
  { storedAt }: FileRecord,
  afterMs: number,
): ReleaseTerms {
  const collectAfter = clock.machineNow() + afterMs
  // Where the clock was set since, the two disagree on how old the bytes are: the younger age is the safe one.
  const ageMs = Math.min(clock.now(), clock.machineNow()) + afterMs - (storedAt ?? 0)
  return { collectAfter, mayComeLate: storedAt === null || ageMs < (blobs.lateWriteMs ?? 0) }
}
