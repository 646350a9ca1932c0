import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely'
import type { FileRecord, ListedFile } from '../../core/files/file.ts'
import type { FileFilter, FileOrder, FileOrderField, FilePage } from '../../core/ports/metadata-store.ts'
import type { SqlFlavour } from '../sql/flavours.ts'
import { prepare, type Query } from '../sql/prepare.ts'
import { recordShape } from '../sql/record-shape.ts'
import {
  askingWays,
  type FileExpressions,
  type Files,
  hiddenFiles,
  isWhole,
  type ListingArg,
  type ListingArgs,
  shapeOf,
  startOf,
  waysInRows,
  waysTo,
} from './file-filters.ts'
import { fileShape } from './files.ts'

type ListingQuery = Query<ListingArgs>

/** Where a query looks: everywhere, in rows that are told, or where a function of the scan says so. */
export type ScanScope = keyof typeof waysOf
const waysOf = { whole: waysTo, rows: waysInRows, asking: askingWays }

const cursorFields = {
  createdAt: 'afterCreatedAt',
  name: 'afterName',
  sizeBytes: 'afterSizeBytes',
  id: 'afterId',
} as const

/** The columns of a listing with a total. */
export const listedShape = recordShape<ListedFile>({
  id: 'plain',
  name: 'plain',
  sizeBytes: 'plain',
  mimeType: 'plain',
  createdAt: 'plain',
  state: 'plain',
  storedAt: 'plain',
  uploadExpiresAt: 'plain',
  expiresAt: 'plain',
})

/** What rows are sorted by; `start`: only by the beginning of the text, as an index has it. */
interface SortTerm {
  readonly field: FileOrderField
  readonly descending: boolean
  readonly start?: number
}

const newestFirst: FileOrder = [{ field: 'createdAt', descending: true }]

/**
 * The queries that list and count the files of a project, compiled once per states, fields of the filter and order, and bound to
 * `listingArgs`. Those of a narrower scope run in a scan, which fills in the rows. The indexes by name, size, id and external id
 * hold stored files only, so they serve listings of that state alone.
 */
export class FileListings {
  readonly #flavour: SqlFlavour
  readonly #queries = new Map<string, ListingQuery>()

  constructor(flavour: SqlFlavour) {
    this.#flavour = flavour
  }

  list(filter: FileFilter, scope: ScanScope = 'whole'): ListingQuery {
    return this.#kept(`list|${shapeOf(filter)}|${scope}`, (arg) => {
      const ways = this.#waysTo(filter, arg, scope)
      const merged = this.#merged(ways, listedShape.fields, newestFirst, reachOf(arg))
      return merged.limit(arg('limit')).offset(arg('offset'))
    })
  }

  /** All files of some states are counted already; of those that a filter names the rows are counted one by one. */
  count(filter: FileFilter, scope: ScanScope = 'whole'): ListingQuery {
    return this.#kept(`count|${shapeOf(filter)}|${scope}`, (arg) =>
      isWhole(filter) ? this.#total(filter, arg) : this.#counted(this.#waysTo(filter, arg, scope)),
    )
  }

  page(
    filter: FileFilter,
    { order, after, offset }: Omit<FilePage, 'limit'>,
    scope: ScanScope = 'whole',
  ): ListingQuery {
    const whole = wholeOrder(order)
    const ordered = whole.map(({ field, descending }) => field + descending)
    return this.#kept(
      `page|${shapeOf(filter)}|${ordered}|${after !== undefined}|${offset !== undefined}|${scope}`,
      (arg) => {
        const terms = this.#termsOf(order)
        const ways = this.#waysTo(filter, arg, scope)
        const left = after === undefined ? ways : ways.map((way) => way.where((eb) => behind(eb, terms, arg)))
        if (offset === undefined)
          return this.#merged(left, fileShape.fields, whole, arg('limit')).limit(arg('limit'))
        const merged = this.#merged(left, fileShape.fields, whole, reachOf(arg))
        return merged.limit(arg('limit')).offset(arg('offset'))
      },
    )
  }

  /** Files that are hidden from the filter's subject, in any order. */
  hidden(filter: FileFilter): ListingQuery {
    return this.#kept(`hidden|${filter.states}`, (arg) => {
      const files = hiddenFiles(this.#flavour, filter, arg).select('id')
      return files.limit(arg('limit')).offset(arg('offset'))
    })
  }

  /** When the next stored file of the project ends; null if none does. */
  nextEnd(): ListingQuery {
    return this.#kept('next end', (arg) =>
      this.#flavour.builder
        .selectFrom('files')
        .select(({ fn }) => fn.min('expiresAt').as('nextEnd'))
        .where('projectId', '=', arg('projectId'))
        .where('state', '=', sql.lit('stored'))
        .where('expiresAt', '>', arg('visibleAt')),
    )
  }

  #waysTo(filter: FileFilter, arg: ListingArg, scope: ScanScope): readonly Files[] {
    return waysOf[scope](this.#flavour, filter, arg)
  }

  #kept(key: string, build: Parameters<typeof prepare<ListingArgs>>[0]): ListingQuery {
    const known = this.#queries.get(key)
    if (known !== undefined) return known
    const prepared = prepare<ListingArgs>(build)
    this.#queries.set(key, prepared)
    return prepared
  }

  #counted(ways: readonly Files[]) {
    const counts = ways.map((way) => way.select(({ fn }) => fn.countAll<number>().as('files')))
    const sum = sql.join<number>(counts, sql` + `)
    return this.#flavour.builder.selectNoFrom(sum.as('files'))
  }

  /** The counted ones without those that have ended and were not swept yet, and without those that are hidden. */
  #total(filter: FileFilter, arg: ListingArg) {
    const { builder } = this.#flavour
    const { states } = filter
    const counted = builder
      .selectFrom('fileCounts')
      .select(({ fn, lit }) => fn.coalesce(fn.sum<number>('files'), lit(0)).as('files'))
      .where('projectId', '=', arg('projectId'))
      .where('state', 'in', states)
    const ended = builder
      .selectFrom('files')
      .select(({ fn }) => fn.countAll<number>().as('files'))
      .where('projectId', '=', arg('projectId'))
      .where('state', '=', sql.lit('stored'))
      .where('expiresAt', '<=', arg('visibleAt'))
    const hidden = hiddenFiles(this.#flavour, filter, arg).select(({ fn }) =>
      fn.countAll<number>().as('files'),
    )
    const less = [
      ...(states.includes('stored') ? [ended] : []),
      ...(filter.subject === undefined ? [] : [hidden]),
    ]
    return builder.selectNoFrom(({ cast }) =>
      cast<number>(sql.join<number>([counted, ...less], sql` - `), 'bigint').as('files'),
    )
  }

  /**
   * The rows of all ways, sorted; of them only the first `reach` are whole. Each way is read by itself and no further, so that
   * a page of many files of one name costs what any page does.
   */
  #merged(
    ways: readonly Files[],
    fields: readonly (keyof FileRecord)[],
    order: FileOrder,
    reach: Expression<number> | number,
  ) {
    const { builder } = this.#flavour
    const sorted = (files: Files) =>
      this.#termsOf(order)
        .reduce((query, term) => query.orderBy(columnOf(term), term.descending ? 'desc' : 'asc'), files)
        .select(fields)
    const [only, ...others] = ways as readonly [Files, ...Files[]]
    if (others.length === 0) return sorted(only)
    const rowsOf = (way: Files) => builder.selectFrom(sorted(way).limit(reach).as('way')).select(fields)
    const rows = others.reduce((all, way) => all.unionAll(rowsOf(way)), rowsOf(only))
    return sorted(builder.selectFrom(rows.as('files')) as unknown as Files)
  }

  #termsOf(order: FileOrder): readonly SortTerm[] {
    const start = this.#flavour.indexedCharacters
    return wholeOrder(order).flatMap((term) =>
      term.field === 'name' && start !== undefined ? [{ ...term, start }, term] : [term],
    )
  }
}

/** How many rows a page that begins at an offset reads. */
function reachOf(arg: ListingArg): Expression<number> {
  return sql<number>`cast(${arg('limit')} as bigint) + cast(${arg('offset')} as bigint)`
}

/** The order down to the id, behind which nothing matters any more. */
function wholeOrder(order: FileOrder): FileOrder {
  const id = order.findIndex(({ field }) => field === 'id')
  if (id >= 0) return order.slice(0, id + 1)
  return [...order, { field: 'id', descending: order.at(-1)?.descending ?? false }]
}

function columnOf({ field, start }: SortTerm): RawBuilder<unknown> {
  return start === undefined ? sql.ref(field) : startOf(sql.ref(field), start)
}

function cursorOf({ field, start }: SortTerm, arg: ListingArg): unknown {
  const cursor = arg(cursorFields[field])
  return start === undefined ? cursor : startOf(cursor, start)
}

/** Whether a row comes later in the order than the cursor does. */
function behind(eb: FileExpressions, order: readonly SortTerm[], arg: ListingArg): Expression<SqlBool> {
  const [first, ...rest] = order as readonly [SortTerm, ...SortTerm[]]
  if (rest.every(({ descending }) => descending === first.descending)) return compareRows(order, arg)
  const cursor = cursorOf(first, arg)
  const later = first.descending ? '<' : '>'
  // The first comparison follows from the second; it is there because an index can serve it.
  return eb.and([
    eb(columnOf(first), `${later}=`, cursor),
    eb.or([eb(columnOf(first), later, cursor), behind(eb, rest, arg)]),
  ])
}

/** Row values compare field by field, and one index serves them as a whole. */
function compareRows(order: readonly SortTerm[], arg: ListingArg) {
  const fields = sql.join(order.map(columnOf))
  const cursor = sql.join(order.map((term) => cursorOf(term, arg)))
  return sql<SqlBool>`(${fields}) ${sql.raw(order[0]?.descending ? '<' : '>')} (${cursor})`
}
