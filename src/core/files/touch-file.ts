import { isStoreError } from '../errors.ts'
import { MINUTE_MS } from '../ports/clock.ts'
import type { Services } from '../services.ts'
import { touchExpiry } from './expiry.ts'
import type { FileRecord } from './file.ts'

/** What counts as activity of a file: nothing, downloads (and links for them), or reading its record too. */
export type TouchOn = 'none' | 'download' | 'read'

/** Activity within this time of the last is not recorded again: a download costs a durable write once a minute at most. */
const TOUCH_EVERY_MS = MINUTE_MS

const ignored = ['conflict', 'read-only', 'full'] as const

/** Notes activity, which moves the expiry of a file that lives since its last one. Never fails a request. */
export async function touchFile(
  { metadata, clock, policy }: Services,
  file: FileRecord,
  activity: 'download' | 'read',
): Promise<void> {
  const counts = policy.touchOn === 'read' || policy.touchOn === activity
  const now = clock.now()
  if (!counts || file.expiryPolicy !== 'since-last-active' || now - file.lastActiveAt < TOUCH_EVERY_MS) return
  const { lastActiveAt, expiresAt } = touchExpiry(file, now)
  const guard = { state: 'stored', expiresAt: file.expiresAt } as const
  try {
    await metadata.commit([{ kind: 'file.update', id: file.id, guard, patch: { lastActiveAt, expiresAt } }])
  } catch (error) {
    // Somebody else touched, changed or deleted it; theirs is as good. While the installation moves, or has no room, nothing
    // is noted.
    if (!ignored.some((code) => isStoreError(error, code))) throw error
  }
}
