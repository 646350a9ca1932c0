import { existsSync, rmSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { foldCase } from '../sql/fold-case.ts'
import { createPrivateFile } from './connection.ts'
import { isDamage } from './errors.ts'
import { nameTokens, partQuery } from './name-grams.ts'
import { namesPathOf } from './names-file.ts'

/** More rows than this are not looked up one by one; these take some 100 ms. */
const MAX_ROWS = 20_000
/** Indexed with one flush, for which a search may have to wait. */
const ROWS_AT_ONCE = 500
const CACHE_KIB = 8 * 1024
const LOG_SIZE_LIMIT_BYTES = 16 * 1024 * 1024

/** How far the index goes: all rows up to `rowTo` as they were after the change `changeTo`. */
interface Progress {
  readonly storeId: string
  readonly rowTo: number
  /** Of the file in that row. */
  readonly idAt: string
  readonly changeTo: number
}

export interface IndexedBatch {
  /** New files and changes of names that are in the index now. */
  readonly rows: number
  readonly rowTo: number
  /** Changes up to this one are not needed any more. */
  readonly changeTo: number
}

/** What is looked for: a part of a name, folded, of a file of this project. */
export interface NamePart {
  readonly projectId: string
  readonly part: string
}

/** Where a search has to look: in these rows, and in all behind `rowTo`. */
export interface FoundRows {
  /** Undefined: there are many. */
  readonly rows: readonly number[] | undefined
  readonly rowTo: number
  /** Tells of each row whether a search has to look at it, however many there are. */
  readonly toPredicate: () => (row: number) => boolean
}

interface NamedRow {
  readonly row: number
  readonly id: string
  readonly projectId: string
  readonly name: string
  readonly state: string
}

const schema = `
  create table if not exists progress (store_id text not null, row_to integer not null, id_at text not null, change_to integer not null) strict;
  create virtual table if not exists names using fts5(tokens, tokenize = 'ascii', content = '', contentless_delete = 1, detail = none)`

/**
 * Which rows have which parts of names. It has a file of its own, so that creates do not pay for it. It lags behind the database
 * and may name rows that no longer match, so a search compares each row. Rows of `files` are numbered in commit order and are
 * never removed, so one number says how far the index goes.
 */
export class NameIndex {
  readonly #path: string
  readonly #source: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()
  #db: DatabaseSync | undefined

  /** @param source a connection to the database, which reads */
  constructor(databasePath: string, source: DatabaseSync) {
    this.#path = namesPathOf(databasePath)
    this.#source = source
  }

  /**
   * Runs `search` on one state of the database and passes it the rows that may match. Undefined means any row: there is no index,
   * or it lags far behind.
   */
  search<R>({ projectId, part }: NamePart, search: (found: FoundRows | undefined) => R): R {
    const db = this.#openIfThere()
    // The index is read first, so its state is never newer than that of the database.
    db?.exec('begin')
    try {
      const progress = db && progressIn(db)
      this.#source.exec('begin')
      return search(db && progress && this.#find(db, progress, partQuery(projectId, part)))
    } finally {
      if (this.#source.isTransaction) this.#source.exec('commit')
      if (db?.isTransaction) db.exec('commit')
    }
  }

  #find(db: DatabaseSync, progress: Progress, query: string | undefined): FoundRows | undefined {
    if (query === undefined || !this.#fits(progress)) return undefined
    const { rowTo, changeTo } = progress
    if (this.#newestRow() - rowTo > MAX_ROWS) return undefined
    const changed = this.#numbers('select file from name_changes where place > ? limit ?', changeTo)
    if (changed.length > MAX_ROWS) return undefined
    const again = changed.filter((row) => row <= rowTo)
    const matching = matchesIn(db, query, MAX_ROWS + 1)
    const isFew = matching.length <= MAX_ROWS
    return {
      rowTo,
      rows: isFew ? [...new Set([...matching, ...again])] : undefined,
      toPredicate: () => predicateOf([...matchesIn(db, query, rowTo), ...again], rowTo),
    }
  }

  /** Indexes the next rows and changes; a batch of 0 rows is the last. Starts over if the database is not the one that was indexed. */
  catchUp(): IndexedBatch {
    try {
      return this.#catchUp(this.#open())
    } catch (error) {
      if (!this.dropIfDamaged(error)) throw error
      return this.#catchUp(this.#open())
    }
  }

  #catchUp(db: DatabaseSync): IndexedBatch {
    db.exec('begin immediate')
    try {
      let progress = progressIn(db)
      if (progress === undefined || !this.#fits(progress)) {
        db.exec("insert into names(names) values ('delete-all')")
        progress = { storeId: this.#storeId(), rowTo: 0, idAt: '', changeTo: this.#newestChange() }
      }
      const batch = this.#index(db, progress)
      db.exec('commit')
      return batch
    } finally {
      if (db.isTransaction) db.exec('rollback')
    }
  }

  /** Changes are read after the new rows, so that a change between the two reads is not missed. */
  #index(db: DatabaseSync, { storeId, rowTo, idAt, changeTo }: Progress): IndexedBatch {
    const insert = db.prepare('insert into names (rowid, tokens) values (?, ?)')
    const remove = db.prepare('delete from names where rowid = ?')
    // Of its own tables FTS5 tells the last row, whose number may be beyond what a number holds.
    for (const statement of [insert, remove]) statement.setReadBigInts(true)
    const enter = ({ row, projectId, name, state }: NamedRow) => {
      if (state !== 'deleted') insert.run(row, nameTokens(projectId, foldCase(name)))
    }
    const added = this.#all(
      'select rowid as "row", id, project_id as "projectId", name, state from files where rowid > ? order by rowid limit ?',
      rowTo,
    ) as unknown as NamedRow[]
    for (const row of added) enter(row)
    const last = added.at(-1) ?? { row: rowTo, id: idAt }
    const changed = this.#all(
      `select place, files.rowid as "row", id, project_id as "projectId", name, state from name_changes join files on files.rowid = file
        where place > ? order by place limit ?`,
      changeTo,
    ) as unknown as (NamedRow & { readonly place: number })[]
    for (const row of changed.filter((row) => row.row <= last.row)) {
      remove.run(row.row)
      enter(row)
    }
    const to = changed.at(-1)?.place ?? changeTo
    db.exec('delete from progress')
    db.prepare('insert into progress values (?, ?, ?, ?)').run(storeId, last.row, last.id, to)
    return { rows: added.length + changed.length, rowTo: last.row, changeTo: to }
  }

  /** Whether the database is the one that was indexed. An older copy that somebody put back is not. */
  #fits({ storeId, rowTo, idAt, changeTo }: Progress): boolean {
    if (storeId !== this.#storeId() || changeTo > this.#newestChange()) return false
    return rowTo === 0 || this.#first('select id from files where rowid = ?', rowTo) === idAt
  }

  #storeId(): string {
    return String(this.#first('select store_id from installation'))
  }

  #newestRow(): number {
    return Number(this.#first('select max(rowid) from files') ?? 0)
  }

  /** Forgotten changes included. */
  #newestChange(): number {
    return Number(this.#first("select seq from sqlite_sequence where name = 'name_changes'") ?? 0)
  }

  #first(sql: string, ...values: number[]): unknown {
    return Object.values(this.#statement(sql).get(...values) ?? {})[0]
  }

  #numbers(sql: string, behind: number): number[] {
    const rows = this.#statement(sql).all(behind, MAX_ROWS + 1)
    return rows.map((row) => Number(Object.values(row)[0]))
  }

  #all(sql: string, behind: number) {
    return this.#statement(sql).all(behind, ROWS_AT_ONCE)
  }

  #statement(sql: string): StatementSync {
    const known = this.#prepared.get(sql)
    if (known !== undefined) return known
    const statement = this.#source.prepare(sql)
    this.#prepared.set(sql, statement)
    return statement
  }

  #openIfThere(): DatabaseSync | undefined {
    return this.#db !== undefined || existsSync(this.#path) ? this.#open() : undefined
  }

  #open(): DatabaseSync {
    if (this.#db !== undefined) return this.#db
    createPrivateFile(this.#path)
    const db = new DatabaseSync(this.#path, { timeout: 5000 })
    this.#db = db
    // A change is forgotten once it is in the index for good.
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA cache_size = -${CACHE_KIB};
      PRAGMA journal_size_limit = ${LOG_SIZE_LIMIT_BYTES};
      ${schema}`)
    return db
  }

  /** Closes the index after a failure, and removes it if that says that it is damaged. @returns whether it does */
  dropIfDamaged(error: unknown): boolean {
    this.close()
    if (!isDamage(error)) return false
    for (const suffix of ['', '-wal', '-shm']) rmSync(this.#path + suffix, { force: true })
    return true
  }

  close(): void {
    this.#db?.close()
    this.#db = undefined
  }
}

function progressIn(db: DatabaseSync): Progress | undefined {
  const row = db.prepare('select store_id, row_to, id_at, change_to from progress').get()
  if (row === undefined) return undefined
  const { store_id, row_to, id_at, change_to } = row
  return {
    storeId: String(store_id),
    rowTo: Number(row_to),
    idAt: String(id_at),
    changeTo: Number(change_to),
  }
}

function matchesIn(db: DatabaseSync, query: string, limit: number): number[] {
  const statement = db.prepare('select rowid from names where names match ? limit ?')
  statement.setReturnArrays(true)
  return (statement.all(query, limit) as unknown as [number][]).map(([row]) => row)
}

/** A bit for each row: a search may ask for all of them. */
function predicateOf(rows: readonly number[], rowTo: number): (row: number) => boolean {
  const bits = new Uint8Array((rowTo >> 3) + 1)
  for (const row of rows) bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7))
  return (row) => row > rowTo || (((bits[row >> 3] ?? 0) >> (row & 7)) & 1) === 1
}
