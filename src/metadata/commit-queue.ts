import type { Change } from '../core/ports/changes.ts'

const RELEASES = 'releases'

/**
 * Which queue a commit joins. Commits that change an organization's counters share that organization's queue; commits that
 * return a reservation share `RELEASES`, because the organization is not known here. The bytes of a stored file reserve nothing.
 */
export function queueOf(changes: readonly Change[]): string | undefined {
  for (const change of changes) {
    if (change.kind === 'usage.add') return change.usage.organizationId
    if (change.kind === 'file.insert') return change.file.organizationId
  }
  if (isCleanup(changes)) return RELEASES
  const kinds = changes.map(({ kind }) => kind)
  const givesBack = kinds.includes('blob.release') || kinds.includes('blob.collect')
  return givesBack && !kinds.includes('file.update') ? RELEASES : undefined
}

/** Whether it only returns what a request held. */
export function isCleanup(changes: readonly Change[]): boolean {
  return changes.every(({ kind }) => kind === 'blob.release' || kind === 'answer.drop')
}
