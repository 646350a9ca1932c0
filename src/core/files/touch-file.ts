import { isStoreError } from '../errors.ts'
import { MINUTE_MS } from '../ports/clock.ts'
import type { Services } from '../services.ts'
import { touchExpiry } from './expiry.ts'
import type { FileRecord } from './file.ts'

/** Activity of files with the policy `since-last-active`: none, downloads (and links for them), or reads of the record, too. */
export type TouchOn = 'none' | 'download' | 'read'

/** Activity is recorded once in this time, because each record is a durable write. */
const TOUCH_EVERY_MS = MINUTE_MS

const ignored = ['conflict', 'read-only', 'full'] as const

/** Records activity, which moves the end of a file with the policy `since-last-active`. Never fails a request. */
export async function touchFile(
  { metadata, clock, policy }: Services,
  file: FileRecord,
  activity: 'download' | 'read',
): Promise<void> {
  const counts = policy.touchOn === 'read' || policy.touchOn === activity
  if (!counts || file.expiryPolicy !== 'since-last-active') return
  const now = clock.now()
  if (now - file.lastActiveAt < TOUCH_EVERY_MS) return
  const { lastActiveAt, expiresAt } = touchExpiry(file, now)
  const guard = { state: 'stored', expiresAt: file.expiresAt } as const
  try {
    await metadata.commit([{ kind: 'file.update', id: file.id, guard, patch: { lastActiveAt, expiresAt } }])
  } catch (error) {
    // Another request touched, changed or deleted it. While the installation moves, or has no room, nothing is recorded.
    if (!ignored.some((code) => isStoreError(error, code))) throw error
  }
}
