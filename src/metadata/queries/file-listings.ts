import {
  type Expression,
  type ExpressionBuilder,
  expressionBuilder,
  type RawBuilder,
  type SelectQueryBuilder,
  type SqlBool,
  sql,
} from 'kysely'
import type { FileRecord, FileState, ListedFile } from '../../core/files/file.ts'
import type { FileFilter, FileOrder, FileOrderField, FilePage } from '../../core/ports/metadata-store.ts'
import type { SqlFlavour } from '../sql/flavours.ts'
import { normalForm, spellingOf } from '../sql/normal-name.ts'
import { type Arg, prepare, type Query } from '../sql/prepare.ts'
import { recordShape } from '../sql/record-shape.ts'
import type { Tables } from '../sql/tables.ts'
import { fileShape } from './files.ts'

/** What the queries below are bound to, each to some of it. */
export interface ListingArgs extends Required<Omit<FileFilter, 'states'>> {
  readonly normalName: string
  readonly limit: number
  readonly offset: number
  readonly afterCreatedAt: number
  readonly afterName: string
  readonly afterId: string
}
type ListingQuery = Query<ListingArgs>
type ListingArg = Arg<ListingArgs>

const cursorFields = { createdAt: 'afterCreatedAt', name: 'afterName', id: 'afterId' } as const

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

/** A query of files before it says which columns it wants. */
type Files = SelectQueryBuilder<Tables, 'files', object>

/** What rows are sorted by; `start`: only by the beginning of the text, as an index has it. */
interface SortTerm {
  readonly field: FileOrderField
  readonly descending: boolean
  readonly start?: number
}

const newestFirst: FileOrder = [{ field: 'createdAt', descending: true }]

/**
 * The queries that list and count the files of a project, compiled once per states, fields of the filter and order. To be read
 * with `listingArgs`. The indexes by name, id and external id hold stored files only, so these serve listings of that state
 * alone.
 */
export class FileListings {
  readonly #flavour: SqlFlavour
  readonly #queries = new Map<string, ListingQuery>()

  constructor(flavour: SqlFlavour) {
    this.#flavour = flavour
  }

  list(filter: FileFilter): ListingQuery {
    return this.#kept(`list|${shapeOf(filter)}`, (arg) => {
      const reach = sql<number>`cast(${arg('limit')} as bigint) + cast(${arg('offset')} as bigint)`
      const merged = this.#merged(this.#waysTo(filter, arg), listedShape.fields, newestFirst, reach)
      return merged.limit(arg('limit')).offset(arg('offset'))
    })
  }

  /** All files of some states are counted already; of those that a filter names the rows are counted one by one. */
  count(filter: FileFilter): ListingQuery {
    const { ids, name, externalId } = filter
    const isWhole = ids === undefined && name === undefined && externalId === undefined
    return this.#kept(`count|${shapeOf(filter)}`, (arg) =>
      isWhole ? this.#total(filter, arg) : this.#counted(this.#waysTo(filter, arg)),
    )
  }

  page(filter: FileFilter, { order, after }: Omit<FilePage, 'limit'>): ListingQuery {
    const whole = wholeOrder(order)
    const ordered = whole.map(({ field, descending }) => field + descending)
    return this.#kept(`page|${shapeOf(filter)}|${ordered}|${after !== undefined}`, (arg) => {
      const terms = this.#termsOf(order)
      const ways = this.#waysTo(filter, arg)
      const left = after === undefined ? ways : ways.map((way) => way.where((eb) => behind(eb, terms, arg)))
      return this.#merged(left, fileShape.fields, whole, arg('limit')).limit(arg('limit'))
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

  /** The counted ones without those that have ended and were not swept yet. */
  #total({ states }: FileFilter, arg: ListingArg) {
    const { builder } = this.#flavour
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
    return builder.selectNoFrom(({ cast, eb }) =>
      cast<number>(states.includes('stored') ? eb(counted, '-', ended) : counted, 'bigint').as('files'),
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

  /** Whether a text that may be long is this one. */
  #isText(field: 'name' | 'normalName' | 'externalId', text: string) {
    const eb = expressionBuilder<Tables, 'files'>()
    const start = this.#flavour.indexedCharacters
    const same = sql<SqlBool>`${sql.ref(field)} = ${text}`
    if (start === undefined) return same
    return eb.and([eb(startOf(sql.ref(field), start), '=', startOf(text, start)), same])
  }

  /**
   * The visible files that the filter names. A name of several spellings is that of a row which has it in the normal form, or
   * has another while its normal form is known, or has it as it is asked for while that is unknown. No row meets two of these,
   * and each has an index.
   */
  #waysTo(filter: FileFilter, arg: ListingArg): readonly Files[] {
    const visible = this.#visible(filter, arg)
    if (filter.name === undefined) return [visible]
    const spelling = spellingOf(filter.name)
    if (spelling === 'only') return [visible.where(this.#isText('name', arg('name')))]
    const isKnown = this.#isText('normalName', arg('normalName'))
    const ways = [
      visible.where(this.#isText('name', arg('normalName'))),
      visible.where(isKnown).whereRef('normalName', '<>', 'name'),
    ]
    if (spelling === 'normal') return ways
    return [...ways, visible.where(this.#isText('name', arg('name'))).where('normalName', 'is', null)]
  }

  #visible(filter: FileFilter, arg: ListingArg): Files {
    const isOfProject = sql<SqlBool>`${sql.ref('projectId')} = ${arg('projectId')}`
    // Files that are named are looked up by their ids. No index serves the second form: where most projects are small, a plan
    // for any of them would read all files of a large one.
    let query = this.#flavour.builder
      .selectFrom('files')
      .where(filter.ids === undefined ? isOfProject : sql<SqlBool>`(${isOfProject}) is true`)
      .where('state', '<>', sql.lit('deleted'))
      .where((eb) => inOneOf(eb, filter.states))
      .where(({ eb, or }) =>
        or([
          eb('state', '<>', sql.lit('stored')),
          eb('expiresAt', 'is', null),
          eb('expiresAt', '>', arg('visibleAt')),
        ]),
      )
    if (filter.ids !== undefined) query = query.where(this.#flavour.isOneOf('id', arg('ids')))
    if (filter.externalId !== undefined) query = query.where(this.#isText('externalId', arg('externalId')))
    return query
  }
}

export function listingArgs(
  { projectId, visibleAt, ids = [], name = '', externalId = '' }: FileFilter,
  { limit = 0, offset = 0, after }: Partial<FilePage & { readonly offset: number }> = {},
): ListingArgs {
  const { createdAt: afterCreatedAt, name: afterName, id: afterId } = after ?? beginning
  const named = { name, normalName: normalForm(name) }
  return {
    projectId,
    visibleAt,
    ids,
    ...named,
    externalId,
    limit,
    offset,
    afterCreatedAt,
    afterName,
    afterId,
  }
}

const beginning = { createdAt: 0, name: '', id: '' }

function shapeOf({ states, ids, name, externalId }: FileFilter): string {
  const ofName = name === undefined ? 'any' : spellingOf(name)
  return `${states}|${ids !== undefined}|${ofName}|${externalId !== undefined}`
}

/** The order down to the id, behind which nothing matters any more. */
function wholeOrder(order: FileOrder): FileOrder {
  const id = order.findIndex(({ field }) => field === 'id')
  if (id >= 0) return order.slice(0, id + 1)
  return [...order, { field: 'id', descending: order.at(-1)?.descending ?? false }]
}

function startOf(text: unknown, characters: number): RawBuilder<string> {
  return sql<string>`left(${text}, ${sql.lit(characters)})`
}

function columnOf({ field, start }: SortTerm): RawBuilder<unknown> {
  return start === undefined ? sql.ref(field) : startOf(sql.ref(field), start)
}

function cursorOf({ field, start }: SortTerm, arg: ListingArg): unknown {
  const cursor = arg(cursorFields[field])
  return start === undefined ? cursor : startOf(cursor, start)
}

type FileExpressions = ExpressionBuilder<Tables, 'files'>

/** The states are literals, and one state an equation: only then does a partial index serve the query. */
function inOneOf(eb: FileExpressions, states: readonly FileState[]) {
  const literals = states.map((state) => sql.lit(state))
  return literals.length === 1 ? eb('state', '=', literals[0] as never) : eb('state', 'in', literals)
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
