import { isStoreError } from '../core/errors.ts'
import type { BlobKey } from '../core/ports/blob-store.ts'
import type { Change, UnreferencedBlob } from '../core/ports/changes.ts'
import { MINUTE_MS } from '../core/ports/clock.ts'
import type { HeldAnswer } from '../core/ports/metadata-store.ts'

/**
 * How long after a failed commit its changes may still appear: the COMMIT was sent, and the database executes it once it
 * runs again or the network delivers it.
 */
const LATE_COMMIT_MS = 2 * MINUTE_MS
/** More forsaken slots than this are left to the end of their lease, a minute at most. */
const MAX_FORSAKEN_ANSWERS = 10_000
const INTENDED_PAGE = 1000

/**
 * What the requests of this process hold in the database: the blobs that they intended and the slots that they reserved. A
 * request works on a lease until it asks to end it. If that fails, or if the outcome of the commit that began the lease is
 * unknown, the lease is forsaken: the database may keep it although no request works on it.
 */
export class OwnLeases {
  readonly #blobs = new Set<BlobKey>()
  readonly #answers = new Map<string, HeldAnswer>()
  readonly #forsakenAnswers = new Map<string, HeldAnswer>()
  #forsakenUntil = Number.NEGATIVE_INFINITY

  /** Before the commit is sent. */
  begin(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'blob.intend') this.#blobs.add(change.blob.key)
      if (change.kind === 'answer.claim') {
        const { slot, token, leaseUntil } = change
        this.#answers.set(token, { slot, token, leaseUntil, isForsaken: false })
      }
    }
  }

  committed(changes: readonly Change[]): void {
    for (const change of changes) {
      switch (change.kind) {
        case 'blob.intend':
          // Again: the same commit may have claimed the key before.
          this.#blobs.add(change.blob.key)
          break
        case 'blob.claim':
          this.#blobs.delete(change.key)
          break
        case 'blob.release':
          this.#blobs.delete(change.blob.key)
          break
        case 'answer.renew':
          this.#renew(change.token, change.leaseUntil)
          break
        case 'answer.save':
        case 'answer.drop':
          this.#forget(change.token)
      }
    }
  }

  failed(changes: readonly Change[], error: unknown): void {
    // After a conflict it is certain that nothing was done.
    const isUndone = isStoreError(error, 'conflict')
    for (const change of changes) {
      switch (change.kind) {
        case 'blob.intend':
        case 'blob.release':
          this.#blobs.delete(change.blob.key)
          if (!isUndone) this.#forsakenUntil = performance.now() + LATE_COMMIT_MS
          break
        case 'answer.claim':
          if (isUndone) this.#forget(change.token)
          else this.#forsake(change.token)
          break
        case 'answer.drop':
          this.#forsake(change.token)
      }
    }
  }

  /**
   * Intended blobs of this process that no request works on.
   * @param listIntended what the database has of them, in the order of keys, from after a key on
   */
  async forsakenBlobs(
    limit: number,
    listIntended: (after: BlobKey, limit: number) => Promise<readonly UnreferencedBlob[]>,
  ): Promise<readonly UnreferencedBlob[]> {
    const forsaken: UnreferencedBlob[] = []
    if (performance.now() >= this.#forsakenUntil) return forsaken
    for (let after = ''; ; ) {
      const page = await listIntended(after, INTENDED_PAGE)
      // A request that works on one of them is known since before its commit, and so since before this read.
      forsaken.push(...page.filter(({ key }) => !this.#blobs.has(key)))
      after = page.at(-1)?.key ?? ''
      if (page.length < INTENDED_PAGE || forsaken.length >= limit) return forsaken.slice(0, limit)
    }
  }

  /** Forsaken ones first. */
  answers(): readonly HeldAnswer[] {
    return [...this.#forsakenAnswers.values(), ...this.#answers.values()]
  }

  #renew(token: string, leaseUntil: number): void {
    const held = this.#answers.get(token)
    if (held !== undefined) this.#answers.set(token, { ...held, leaseUntil })
  }

  #forget(token: string): void {
    this.#answers.delete(token)
    this.#forsakenAnswers.delete(token)
  }

  #forsake(token: string): void {
    const held = this.#answers.get(token)
    if (held === undefined) return
    this.#answers.delete(token)
    this.#forsakenAnswers.set(token, { ...held, isForsaken: true })
    if (this.#forsakenAnswers.size <= MAX_FORSAKEN_ANSWERS) return
    const [oldest = ''] = this.#forsakenAnswers.keys()
    this.#forsakenAnswers.delete(oldest)
  }
}
