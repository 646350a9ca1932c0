import type { ProjectTotals, QuotaUse, Totals } from '../core/ports/totals.ts'
import type { SqlEngine } from './engine.ts'
import { organizationUsageShape, quotaUseShape, type totalQueries } from './queries/totals.ts'
import type { Query } from './sql/prepare.ts'

/** SQLite counts so many on the main thread within a few milliseconds. */
const MAX_COUNTED_BLOBS = 10_000

const none = { pending: 0, stored: 0, cancelled: 0, expired: 0 }

/** One query after the other, so that reads of requests come in between. */
export async function readTotals(
  engine: SqlEngine,
  queries: ReturnType<typeof totalQueries>,
  now: number,
  limit: number,
): Promise<Totals> {
  const files = { ...none }
  for (const [state, count] of await engine.read(queries.files, {}))
    files[state as keyof typeof files] = count as number
  const [[organizations, usedFiles, usedBytes] = []] = await engine.read(queries.usage, {})
  const largest = await engine.read(queries.largest, { limit })
  const fullestBy = async (query: Query<{ limit: number }>): Promise<readonly QuotaUse[]> =>
    (await engine.read(query, { limit })).map(quotaUseShape.fromRow)
  return {
    files,
    organizations: organizations as number,
    usage: { files: usedFiles as number, bytes: usedBytes as number },
    largest: largest.map(organizationUsageShape.fromRow),
    fullest: { files: await fullestBy(queries.fullest.files), bytes: await fullestBy(queries.fullest.bytes) },
    unreferencedBlobs: await countUnreferenced(engine, queries, now),
  }
}

/** One row for each state of the files of a project. */
export async function readProjectTotals(
  engine: SqlEngine,
  { projects }: ReturnType<typeof totalQueries>,
): Promise<readonly ProjectTotals[]> {
  const totals = new Map<unknown, ProjectTotals>()
  for (const row of await engine.read(projects, {})) {
    const [organizationId, organization, id, slug] = row as readonly string[]
    const [files, bytes, state, count] = row.slice(4) as [number, number, string | null, number]
    const before = totals.get(id)?.files ?? none
    const counts = state === null || state === 'deleted' ? before : { ...before, [state]: count }
    totals.set(id, {
      organizationId,
      organization,
      id,
      slug,
      usage: { files, bytes },
      files: counts,
    } as ProjectTotals)
  }
  return [...totals.values()]
}

async function countUnreferenced(
  engine: SqlEngine,
  { unreferenced }: ReturnType<typeof totalQueries>,
  now: number,
): Promise<Totals['unreferencedBlobs']> {
  const counts = { receiving: 0, waiting: 0, due: 0 }
  for (const [intended, due, blobs] of await engine.read(unreferenced, { now, limit: MAX_COUNTED_BLOBS }))
    counts[due ? 'due' : intended ? 'receiving' : 'waiting'] += blobs as number
  return counts
}
