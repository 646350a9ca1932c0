import { setImmediate } from 'node:timers/promises'
import type { FileRecord, ListedFile } from '../core/files/file.ts'
import type { FileFilter, FilePage } from '../core/ports/metadata-store.ts'
import type { SqlEngine, SqlRow } from './engine.ts'
import { KeptListings } from './kept-listings.ts'
import { isByPart, type ListingArgs, listingArgs, mayScan } from './queries/file-filters.ts'
import { FileListings, listedShape, type ScanScope } from './queries/file-listings.ts'
import { fileShape } from './queries/files.ts'
import type { Query } from './sql/prepare.ts'

/** A page by its place. */
export interface ListPage {
  readonly offset: number
  readonly limit: number
}

/** Longer pages, and those of files that are named by id, are read every time: kept ones hold some megabytes together. */
const MAX_KEPT_ROWS = 101

/** Read at once. */
const MAX_SLICE_ROWS = 1001

/** The query, of everything unless told otherwise. */
type QueryOf = (scope?: ScanScope) => Query<ListingArgs>

/** What a store lists and counts of a project's files. */
export class Listings {
  readonly #engine: SqlEngine
  readonly #queries: FileListings
  readonly #kept = new KeptListings()

  constructor(engine: SqlEngine) {
    this.#engine = engine
    this.#queries = new FileListings(engine.flavour)
  }

  async list(filter: FileFilter, page: ListPage): Promise<readonly ListedFile[]> {
    if (filter.states.length === 0) return []
    const query = (scope?: ScanScope) => this.#queries.list(filter, scope)
    return this.#read(filter, query, listingArgs(filter, page), listedShape.fromRow)
  }

  /** A long page is read a slice at a time: each holds up this process for some milliseconds. */
  async page(filter: FileFilter, page: FilePage): Promise<readonly FileRecord[]> {
    if (filter.states.length === 0) return []
    const files: FileRecord[] = []
    for (let rest: FilePage = page; ; ) {
      const slice = { ...rest, limit: Math.min(rest.limit, MAX_SLICE_ROWS) }
      const read = await this.#pageAtOnce(filter, slice)
      if (files.length === 0 && slice.limit === page.limit) return read
      files.push(...read)
      const after = files.at(-1)
      if (read.length < slice.limit || files.length === page.limit || after === undefined) return files
      rest = { order: page.order, limit: page.limit - files.length, after }
      await setImmediate()
    }
  }

  #pageAtOnce(filter: FileFilter, page: FilePage): Promise<readonly FileRecord[]> {
    const query = (scope?: ScanScope) => this.#queries.page(filter, page, scope)
    return this.#read(filter, query, listingArgs(filter, page), fileShape.fromRow)
  }

  async count(filter: FileFilter): Promise<number> {
    if (filter.states.length === 0) return 0
    const toCount = ([files]: SqlRow) => files as number
    const query = (scope?: ScanScope) => this.#queries.count(filter, scope)
    const [files = 0] = await this.#read(filter, query, listingArgs(filter), toCount)
    return files
  }

  #read<R>(
    filter: FileFilter,
    queryOf: QueryOf,
    args: ListingArgs,
    fromRow: (row: SqlRow) => R,
  ): Promise<readonly R[]> {
    const find = async () => (await this.#rowsOf(filter, queryOf, args)).map((row) => fromRow(row))
    if (args.limit > MAX_KEPT_ROWS || args.ids.length > 0) return find()
    const query = queryOf()
    const name = `${query.id} ${JSON.stringify(query.bind({ ...args, visibleAt: 0 }))}`
    const findNextEnd = async () => {
      const [row] = await this.#engine.read(this.#queries.nextEnd(), args)
      return (row?.[0] ?? Number.POSITIVE_INFINITY) as number
    }
    return this.#kept.find(this.#engine.version(), name, args.visibleAt, { find, findNextEnd })
  }

  async #rowsOf(filter: FileFilter, queryOf: QueryOf, args: ListingArgs): Promise<readonly SqlRow[]> {
    const query = queryOf()
    const scans = mayScan(filter) || (await this.#skipsMany(filter, args))
    if (!scans) return this.#engine.read(query, args)
    if (!this.#engine.flavour.numbersRows || !isByPart(filter))
      return this.#engine.scan(query, args, args.projectId)
    const { projectId, nameContains: part } = args
    const narrowed = { ofRows: queryOf('rows'), asking: queryOf('asking'), projectId, part }
    return this.#engine.scan(query, args, args.projectId, narrowed)
  }

  /** Whether so many files are hidden from the subject that to pass over them takes long. */
  async #skipsMany(filter: FileFilter, args: ListingArgs): Promise<boolean> {
    if (filter.subject === undefined || !this.#engine.readsHoldUp) return false
    const hidden = { ...args, limit: 1, offset: MAX_SLICE_ROWS }
    return (await this.#engine.read(this.#queries.hidden(filter), hidden)).length > 0
  }
}
