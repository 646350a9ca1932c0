import type { MetadataStore } from '../core/ports/metadata-store.ts'
import type { UsageHour } from '../core/usage/usage-hour.ts'
import type { SqlEngine, SqlRow } from './engine.ts'
import type { usageQueries } from './queries/usage.ts'
import { type usageHourQueries, usageHourShape } from './queries/usage-hours.ts'

type UsageReads = Pick<MetadataStore, 'usage' | 'listUsageHours' | 'findUsageBefore'>

/** What is held now, and what happened by the hour. */
export function usageReads(
  engine: SqlEngine,
  queries: {
    readonly usage: ReturnType<typeof usageQueries>
    readonly usageHours: ReturnType<typeof usageHourQueries>
  },
): UsageReads {
  const { list, lastBefore } = queries.usageHours
  const hourOf = (row: SqlRow): UsageHour => usageHourShape.fromRow(row)
  return {
    async usage(holder, id) {
      const [[files, bytes] = [0, 0]] = await engine.read(queries.usage[holder].find, { id })
      return { files: files as number, bytes: bytes as number }
    },
    async listUsageHours(holder, from, to) {
      return (await engine.read(list, { ...holder, from, to })).map(hourOf)
    },
    async findUsageBefore(holder, before) {
      const [row] = await engine.read(lastBefore, { ...holder, before })
      return row && hourOf(row)
    },
  }
}
