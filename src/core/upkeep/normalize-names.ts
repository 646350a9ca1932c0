import type { Services } from '../services.ts'

/** So few that others hardly wait for the commit. */
const NAMES_AT_ONCE = 500

/**
 * Makes files found by every spelling of their name that servers of an older release named.
 * @returns how many; call it again until there are none
 */
export async function normalizeNames({ metadata }: Pick<Services, 'metadata'>): Promise<number> {
  const files = await metadata.listUnnormalizedNames(NAMES_AT_ONCE)
  if (files.length > 0)
    await metadata.commit(files.map((file) => ({ kind: 'file.normalize-name', file }) as const))
  return files.length
}
