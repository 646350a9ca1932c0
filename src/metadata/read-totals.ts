import type { QuotaUse, Totals } from '../core/ports/totals.ts'
import type { SqlEngine } from './engine.ts'
import { organizationUsageShape, quotaUseShape, type totalQueries } from './queries/totals.ts'
import type { Query } from './sql/prepare.ts'

/** SQLite counts so many on the main thread within a few milliseconds. */
const MAX_COUNTED_BLOBS = 10_000

/** One query after the other, so that reads of requests come in between. */
export async function readTotals(
  engine: SqlEngine,
  queries: ReturnType<typeof totalQueries>,
  now: number,
  limit: number,
): Promise<Totals> {
  const files = { pending: 0, stored: 0, cancelled: 0, expired: 0 }
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
