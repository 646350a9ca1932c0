import { statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { closingAfter } from '../../core/closing.ts'
import type { CollectionHold, IndexedNames, MetadataStore } from '../../core/ports/metadata-store.ts'
import { failureOf, type WatchCall, watched } from '../../core/watch-call.ts'
import type { NarrowedScan, SqlEngine, SqlRow } from '../engine.ts'
import {
  allMigrations,
  type DatabaseContent,
  type DatabaseSession,
  databaseSession,
  migrate,
  type RunQuery,
} from '../migrations/migrate.ts'
import { changeQueries } from '../plan-change.ts'
import { fileQueries } from '../queries/files.ts'
import { flavours } from '../sql/flavours.ts'
import type { Query, Step } from '../sql/prepare.ts'
import { SqlMetadataStore } from '../store.ts'
import { Ballast } from './ballast.ts'
import {
  createPrivateFile,
  openReadingConnection,
  openWritingConnection,
  refuseUnsoundSqlite,
  untouched,
  type WritingConnection,
} from './connection.ts'
import { holdCollection, isCollectionHeld } from './data-folder-lock.ts'
import { noSpace, sqliteFailure, storeErrorOf } from './errors.ts'
import { COUNTED_CHANGES, NameCatchUp } from './name-catch-up.ts'
import { narrowedOrder, SqliteScanner } from './scanner.ts'
import { ReadSnapshot } from './snapshot.ts'
import { SqliteWriter } from './writer.ts'

const DATABASE_FILE = 'entrepot.db'
const SQLITE_BUSY = 5
const SQLITE_NOTADB = 26
/** For how long another process's first opening is waited for. */
const OPENING_PATIENCE_MS = 5000

export interface SqliteOptions {
  /** Made if it is not there. Has to be on a local disk. */
  readonly dataDir: string
  /** Called once when nothing can be written any more: the process has to end and start anew. */
  readonly onFatal: (error: Error) => void
  /** Disk space that uploads leave free; by default 5 % of the disk, at most 1 GiB. */
  readonly reserveBytes?: number | undefined
  /** Told of commits. */
  readonly watch?: WatchCall | undefined
}

/**
 * Opens the database of a data folder, and makes it or brings its schema up to date first.
 * @throws Error with a sentence for the operator if the database is of a newer release or cannot be durable
 */
export async function openSqliteMetadataStore(options: SqliteOptions): Promise<MetadataStore> {
  const opening = SqliteEngine.openAt(await upToDate(options.dataDir), options)
  // Meanwhile the worker starts.
  const queries = changeQueries(flavours.sqlite)
  return new SqlMetadataStore(await opening, queries)
}

export class SqliteEngine implements SqlEngine {
  readonly flavour = flavours.sqlite
  /** Its folder is locked: there are no others. */
  readonly takesSegments = true
  readonly hidesFiles = true
  /** They run on the main thread. */
  readonly readsHoldUp = true
  readonly #reader: ReturnType<typeof openReadingConnection>
  readonly #snapshot: ReadSnapshot
  readonly #scanner: SqliteScanner
  readonly #catchUp: NameCatchUp
  readonly #newestNames = fileQueries(flavours.sqlite).newestNames
  readonly #prepared = new Map<number, StatementSync>()
  readonly writer: SqliteWriter
  readonly #watch: WatchCall

  private constructor(path: string, writer: SqliteWriter, watch: WatchCall = () => undefined) {
    this.writer = writer
    this.#watch = watch
    this.#reader = openReadingConnection(path)
    this.#snapshot = new ReadSnapshot(this.#reader)
    this.#scanner = new SqliteScanner(path)
    this.#catchUp = new NameCatchUp(path, this.#scanner)
    writer.onSettling = () => this.#snapshot.end()
  }

  static async open(options: SqliteOptions): Promise<SqliteEngine> {
    return SqliteEngine.openAt(await upToDate(options.dataDir), options)
  }

  /** @param path of a database of the newest schema */
  static async openAt(path: string, { onFatal, reserveBytes, watch }: SqliteOptions): Promise<SqliteEngine> {
    return new SqliteEngine(path, await SqliteWriter.open(path, onFatal, reserveBytes), watch)
  }

  /** Answers within microseconds: the reading connection never waits for the writing one. */
  async read<Args>(query: Query<Args>, args: Args): Promise<readonly SqlRow[]> {
    const values = query.bind(args)
    return this.#asking(() => {
      this.#snapshot.begin()
      return this.#statementOf(query).all(...values)
    }) as unknown as SqlRow[]
  }

  scan<Args>(
    query: Query<Args>,
    args: Args,
    projectId: string,
    narrowed?: NarrowedScan<Args>,
  ): Promise<readonly SqlRow[]> {
    const order = { id: query.id, sql: query.sql, values: query.bind(args) }
    return this.#scanner.scan(
      narrowed ? { ...order, narrowed: narrowedOrder(narrowed, args) } : order,
      projectId,
    )
  }

  async indexNames(): Promise<IndexedNames> {
    const [[row, changes] = []] = await this.read(this.#newestNames, { limit: COUNTED_CHANGES })
    return this.#catchUp.run({ row: row as number, changes: changes as number })
  }

  #statementOf<Args>({ id, sql }: Query<Args>): StatementSync {
    const known = this.#prepared.get(id)
    if (known !== undefined) return known
    const prepared = this.#prepare(sql)
    this.#prepared.set(id, prepared)
    return prepared
  }

  #asking<T>(ask: () => T): T {
    try {
      return ask()
    } catch (error) {
      throw storeErrorOf(sqliteFailure(error), this.writer.path)
    }
  }

  version(): unknown {
    return this.#asking(() => this.#snapshot.begin())
  }

  recentVersion(): unknown {
    return this.version()
  }

  #prepare(sql: string): StatementSync {
    const prepared = this.#reader.prepare(sql)
    prepared.setReturnArrays(true)
    return prepared
  }

  write(steps: readonly Step[]): Promise<void> {
    return watched(this.#watch, 'commit', this.writer.write(steps), failureOf)
  }

  wantedDiskBytes(): number {
    return this.writer.wantedBytes
  }

  get isShortOfRoom(): boolean {
    return this.writer.isShortOfRoom
  }

  async holdCollection(): Promise<CollectionHold> {
    return holdCollection(dirname(this.writer.path))
  }

  async isCollectionHeld(): Promise<boolean> {
    return isCollectionHeld(dirname(this.writer.path))
  }

  async knowsRoles(): Promise<boolean> {
    return true
  }

  async check(): Promise<void> {
    this.writer.check()
  }

  async close(): Promise<void> {
    // The writer last: the last connection to close takes the log with it, which the reader may not.
    await closingAfter(
      () => this.writer.close(),
      async () => {
        await this.#scanner.close()
        this.#snapshot.end()
        if (this.#reader.isOpen) this.#reader.close()
      },
    )
  }
}

/** Brings a database file to the newest schema, or to the last of `migrations`. */
export async function migrateSqlite(path: string, migrations = allMigrations): Promise<void> {
  try {
    const session = sessionOn(await openPatiently(path))
    await closingAfter(session.close, () => migrate(session, migrations))
  } catch (error) {
    throw unopenable(path, error)
  }
}

/** What the database file of a data folder holds, of whatever release. Makes nothing. */
export function sqliteContent(dataDir: string): DatabaseContent {
  const path = join(dataDir, DATABASE_FILE)
  const file = statSync(path, { throwIfNoEntry: false })
  if (file === undefined) return 'empty'
  if (!file.isFile()) return 'foreign'
  try {
    return contentOf(path)
  } catch (error) {
    // Of whatever else goes wrong the opening will tell.
    return errcodeOf(error) === SQLITE_NOTADB ? 'foreign' : 'ours'
  }
}

function contentOf(path: string): DatabaseContent {
  using db = new DatabaseSync(untouched(path), { readOnly: true })
  const rows = db.prepare("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite^_%' ESCAPE '^'").all()
  const names = new Set(rows.map(({ name }) => name))
  if (names.has('schema_version') && names.has('organizations')) return 'ours'
  return names.size === 0 ? 'empty' : 'foreign'
}

function errcodeOf(error: unknown): number | undefined {
  return (error as { errcode?: number }).errcode
}

/** Opens the database of a data folder, of the newest schema, beside whoever else uses it. */
export async function openSqliteSession(dataDir: string): Promise<DatabaseSession> {
  return sessionOn(await openPatiently(await upToDate(dataDir)))
}

/** Opens the database of a data folder as it is, of whatever release, and lets nothing be written. */
export function readSqlite(dataDir: string): DatabaseSession {
  const path = join(dataDir, DATABASE_FILE)
  try {
    return sessionOn({ db: openReadingConnection(untouched(path)) })
  } catch (error) {
    throw unopenable(path, error)
  }
}

/** @returns the path of the database, which is there now and of the newest schema */
async function upToDate(dataDir: string): Promise<string> {
  refuseUnsoundSqlite()
  const path = join(dataDir, DATABASE_FILE)
  createPrivateFile(path)
  await migrateSqlite(path)
  return path
}

/** Two processes that turn a new file to WAL at once get in each other's way without SQLite waiting. On a full disk the ballast goes. */
async function openPatiently(path: string): Promise<WritingConnection> {
  const until = performance.now() + OPENING_PATIENCE_MS
  for (;;) {
    try {
      return openWritingConnection(path)
    } catch (error) {
      // Even to be read the log needs some room.
      if (sqliteFailure(error).code === 'full' && new Ballast(path).release()) continue
      if (errcodeOf(error) !== SQLITE_BUSY || performance.now() > until) throw error
      await sleep(20)
    }
  }
}

/** SQLite's own messages do not say which file they are about. */
function unopenable(path: string, error: unknown): unknown {
  if (errcodeOf(error) === undefined) return error
  const { code, message } = sqliteFailure(error)
  if (code === 'full') return noSpace(path, message)
  return new Error(`The database ${path} cannot be opened: ${(error as Error).message}.`, { cause: error })
}

function sessionOn({ db }: Pick<WritingConnection, 'db'>): DatabaseSession {
  const run: RunQuery = async ({ sql, parameters }) => {
    const statement = db.prepare(sql)
    statement.setReturnArrays(true)
    return statement.all(...(parameters as SqlRow)) as unknown as SqlRow[]
  }
  return databaseSession('sqlite', run, async () => db.close())
}
