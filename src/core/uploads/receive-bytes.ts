import { randomBytes } from 'node:crypto'
import { ServiceError } from '../errors.ts'
import type { FileRecord } from '../files/file.ts'
import type { BodySize, Digests, IncomingBody } from '../incoming-body.ts'
import { throwQuota } from '../limits/quota.ts'
import type { BlobKey } from '../ports/blob-store.ts'
import type { Change, UsageOf } from '../ports/changes.ts'
import type { Services, UpkeepServices } from '../services.ts'

/** What is known of bytes before the first has come. */
export interface BytesPlan {
  /** Whose bytes they are. */
  readonly organizationId: string
  readonly size: BodySize
  /** Counted from now on, on the account of the file to come. */
  readonly reserve?: UsageOf | undefined
}

/**
 * Bytes that no file points at: on their way, or durable. Who asked for them owns them by `await using`, and nobody else
 * deletes: the end of the owner's block gives them up with their reservation, unless a use case took them into a file.
 */
export class ReceivedBytes implements AsyncDisposable {
  readonly key: BlobKey = randomBytes(16).toString('hex')
  readonly plan: BytesPlan
  readonly #services: Services
  #reserved: UsageOf | undefined
  #digests: Digests | undefined
  /** Bytes of an attempt that failed may still be on their way to the store. */
  #hasFailed = false
  #isOwned = true

  constructor(services: Services, plan: BytesPlan) {
    this.#services = services
    this.plan = plan
  }

  /** Commits the key before the first byte, so that whatever a crash leaves behind is found again. */
  async intend(): Promise<void> {
    const { metadata } = this.#services
    const { reserve: reserved } = this.plan
    const intend: Change = { kind: 'blob.intend', blob: this.#lease(), ...(reserved && { reserved }) }
    const counted: Change[] = reserved ? [{ kind: 'usage.add', usage: reserved }] : []
    await metadata.commit([...counted, intend]).catch(throwQuota)
    this.#reserved = reserved
  }

  /** Stores the body durably. @throws ServiceError what `body` throws; then nothing is kept or reserved */
  async fill(body: IncomingBody): Promise<this> {
    const { organizationId, size } = this.plan
    await this.fillBy(async () => {
      await this.#services.blobs.put(this.key, body, { organizationId, size })
      return body.digests()
    })
    return this
  }

  /** Lets `store` put bytes under the key. @returns whether it did; where not, nothing is kept or reserved */
  async fillBy(store: (key: BlobKey) => Promise<Digests | undefined>): Promise<boolean> {
    try {
      this.#digests = await store(this.key)
      if (this.#digests !== undefined) return true
    } catch (error) {
      this.#hasFailed = true
      await this[Symbol.asyncDispose]()
      throw error
    }
    await this[Symbol.asyncDispose]()
    return false
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

  /**
   * Commits the claim of the bytes among the changes that make a file point at them: from then on they are the file's.
   * @throws ServiceError `quota-exceeded`; StoreError `conflict`
   */
  async take(changes: (claim: Change) => readonly Change[]): Promise<void> {
    await this.#services.metadata.commit(changes({ kind: 'blob.claim', key: this.key })).catch(throwQuota)
    this.#isOwned = false
  }

  /** The bytes stay as they are, under the same key and a lease from now on. */
  async giveReservationBack(): Promise<void> {
    if (this.#reserved === undefined) return
    const { files, bytes } = this.#reserved
    await this.#services.metadata.commit([
      { kind: 'blob.claim', key: this.key },
      { kind: 'usage.add', usage: { ...this.#reserved, files: -files, bytes: -bytes } },
      { kind: 'blob.intend', blob: this.#lease() },
    ])
    this.#reserved = undefined
  }

  /** Nothing happens if a file points at them: the outcome of the commit that took them may be unknown. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOwned) return
    this.#isOwned = false
    const { metadata, clock, blobs } = this.#services
    const collectAfter = clock.machineNow() + (this.#hasFailed ? (blobs.lateWriteMs ?? 0) : 0)
    const blob = { key: this.key, collectAfter, mayComeLate: true }
    // If it fails, `listForsakenBlobs` tells of the blob, and a job gives it up.
    await metadata.commit([{ kind: 'blob.release', blob }]).catch(() => undefined)
  }

  #lease() {
    const { clock, policy } = this.#services
    return { key: this.key, collectAfter: clock.machineNow() + policy.writeLeaseMs }
  }
}

/**
 * A place for bytes that are about to come.
 * @throws ServiceError `storage-full` if the disk has less than `size.atLeast` left, `quota-exceeded` if `reserve` does not fit
 */
export async function expectBytes(services: Services, plan: BytesPlan): Promise<ReceivedBytes> {
  if (!(await services.blobs.hasRoomFor(plan.size.atLeast)))
    throw new ServiceError('storage-full', 'There is no space for this file.')
  const bytes = new ReceivedBytes(services, plan)
  await bytes.intend()
  return bytes
}

/** Receives a body that is at hand. @throws ServiceError as `expectBytes`, and what `body` throws */
export async function receive(
  services: Services,
  plan: BytesPlan,
  body: IncomingBody,
): Promise<ReceivedBytes> {
  return (await expectBytes(services, plan)).fill(body)
}

/**
 * The changes that give up a file's bytes, if it has any, which may be collected `afterMs` from now. Young bytes may have been
 * sent more than once, and the network may hold one copy back.
 */
export function releaseBytes({ blobs, clock }: UpkeepServices, file: FileRecord, afterMs = 0): Change[] {
  const { blobKey: key, storedAt } = file
  if (key === null) return []
  const collectAfter = clock.machineNow() + afterMs
  // Where the clock was set since, the two disagree on how old the bytes are: the younger age is the safe one.
  const ageMs = Math.min(clock.now(), clock.machineNow()) + afterMs - (storedAt ?? 0)
  const mayComeLate = storedAt === null || ageMs < (blobs.lateWriteMs ?? 0)
  return [{ kind: 'blob.release', blob: { key, collectAfter, mayComeLate } }]
}
