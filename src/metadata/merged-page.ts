import { setImmediate } from 'node:timers/promises'
import type { FileRecord } from '../core/files/file.ts'
import type { FileFilter, FileOrder, FilePage } from '../core/ports/metadata-store.ts'
import type { Listings } from './listings.ts'

/** Of one project at once, where there are so many that most give few rows to the page. */
const MIN_ROWS = 10
/** Reads of PostgreSQL wait for a connection, which others need, too. */
const READS_AT_ONCE = 4

/** The files of a project that were read and not taken, in order. */
interface Source {
  readonly projectId: string
  rows: readonly FileRecord[]
  /** Of the next row. */
  at: number
  hasMore: boolean
}

/** A page of many projects in one order: each is read in small pieces, as far as its files come first. */
export async function mergedPage(
  listings: Listings,
  projectIds: readonly string[],
  filter: Omit<FileFilter, 'projectId'>,
  { order, limit, after }: Omit<FilePage, 'offset'>,
): Promise<readonly FileRecord[]> {
  const piece = Math.min(limit, Math.max(MIN_ROWS, Math.ceil((2 * limit) / projectIds.length)))
  const compare = comparisonBy(order)
  async function read(source: Source): Promise<void> {
    const from = source.rows.at(-1) ?? after
    const page = { order, limit: piece, ...(from === undefined ? {} : { after: from }) }
    source.rows = await listings.page({ ...filter, projectId: source.projectId }, page)
    source.at = 0
    source.hasMore = source.rows.length === piece
  }
  const sources: Source[] = projectIds.map((projectId) => ({ projectId, rows: [], at: 0, hasMore: false }))
  for (let first = 0; first < sources.length; first += READS_AT_ONCE) {
    await Promise.all(sources.slice(first, first + READS_AT_ONCE).map(read))
    await setImmediate()
  }
  const files: FileRecord[] = []
  while (files.length < limit) {
    const source = firstOf(sources, compare)
    if (source === undefined) break
    files.push(source.rows[source.at++] as FileRecord)
    if (source.at === source.rows.length && source.hasMore) await read(source)
  }
  return files
}

type Comparison = (one: FileRecord, other: FileRecord) => number

/** The one whose next row comes first; undefined if none has any. */
function firstOf(sources: readonly Source[], compare: Comparison): Source | undefined {
  let first: Source | undefined
  for (const source of sources) {
    const row = source.rows[source.at]
    const best = first?.rows[first.at]
    if (row !== undefined && (best === undefined || compare(row, best) < 0)) first = source
  }
  return first
}

function comparisonBy(order: FileOrder): Comparison {
  const terms = [...order, { field: 'id', descending: order.at(-1)?.descending ?? false } as const]
  return (one, other) => {
    for (const { field, descending } of terms) {
      const difference = compareValues(one[field], other[field])
      if (difference !== 0) return descending ? -difference : difference
    }
    return 0
  }
}

/** Texts by code point, as the databases do. */
function compareValues(one: string | number, other: string | number): number {
  if (typeof one === 'number' || typeof other === 'number') return Number(one) - Number(other)
  return one === other ? 0 : Buffer.compare(Buffer.from(one), Buffer.from(other))
}
