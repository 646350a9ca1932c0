import type { FileRecord, ListedFile } from '../core/files/file.ts'
import type { FileFilter, FilePage } from '../core/ports/metadata-store.ts'
import type { SqlEngine, SqlRow } from './engine.ts'
import { KeptListings } from './kept-listings.ts'
import { type ListingArgs, listingArgs } from './queries/file-filters.ts'
import { FileListings, listedShape } from './queries/file-listings.ts'
import { fileShape } from './queries/files.ts'
import type { Query } from './sql/prepare.ts'

/** A page by its place. */
export interface ListPage {
  readonly offset: number
  readonly limit: number
}

/** Longer pages, and those of files that are named by id, are read every time: kept ones hold some megabytes together. */
const MAX_KEPT_ROWS = 101

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
    return this.#read(this.#queries.list(filter), listingArgs(filter, page), listedShape.fromRow)
  }

  async page(filter: FileFilter, page: FilePage): Promise<readonly FileRecord[]> {
    if (filter.states.length === 0) return []
    return this.#read(this.#queries.page(filter, page), listingArgs(filter, page), fileShape.fromRow)
  }

  async count(filter: FileFilter): Promise<number> {
    if (filter.states.length === 0) return 0
    const toCount = ([files]: SqlRow) => files as number
    const [files = 0] = await this.#read(this.#queries.count(filter), listingArgs(filter), toCount)
    return files
  }

  #read<R>(query: Query<ListingArgs>, args: ListingArgs, fromRow: (row: SqlRow) => R): Promise<readonly R[]> {
    const find = async () => (await this.#engine.read(query, args)).map((row) => fromRow(row))
    if (args.limit > MAX_KEPT_ROWS || args.ids.length > 0) return find()
    const name = `${query.id} ${JSON.stringify(query.bind({ ...args, visibleAt: 0 }))}`
    const findNextEnd = async () => {
      const [row] = await this.#engine.read(this.#queries.nextEnd(), args)
      return (row?.[0] ?? Number.POSITIVE_INFINITY) as number
    }
    return this.#kept.find(this.#engine.version(), name, args.visibleAt, { find, findNextEnd })
  }
}
