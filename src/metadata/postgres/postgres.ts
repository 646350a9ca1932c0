import { setTimeout as sleep } from 'node:timers/promises'
import { CompiledQuery } from 'kysely'
import { Client, type Pool, type QueryArrayConfig } from 'pg'
import { StoreError } from '../../core/errors.ts'
import type { Clock } from '../../core/ports/clock.ts'
import type { CollectionHold, MetadataStore } from '../../core/ports/metadata-store.ts'
import type { JoinOptions, Node } from '../../core/ports/node.ts'
import { FollowedClock } from '../../core/time/followed-clock.ts'
import { failureOf, type WatchCall, watched } from '../../core/watch-call.ts'
import type { SqlEngine, SqlRow } from '../engine.ts'
import {
  allMigrations,
  type DatabaseSession,
  databaseSession,
  migrate,
  type RunQuery,
} from '../migrations/migrate.ts'
import { caseCollations, NAME_PARTS, postgresFlavour, type SqlFlavour } from '../sql/flavours.ts'
import type { Query, Step } from '../sql/prepare.ts'
import { SqlMetadataStore } from '../store.ts'
import { Turns } from '../turns.ts'
import { COLLECTION_IS_HELD, holdCollection } from './collection-hold.ts'
import {
  commitPatienceMs,
  openingFailure,
  openPool,
  READING_CONNECTIONS,
  requireSoundSession,
  sessionSettings,
} from './connection.ts'
import { isConnectionLost, isUnstorableText, storeErrorOf } from './errors.ts'
import { ABILITIES_OF_ALL, type Abilities, EXACT_PRESENT, PostgresNode } from './node.ts'
import { namedQuery, PostgresTransactions } from './transactions.ts'
import { PostgresWriter } from './writer.ts'

const READ_ATTEMPTS = 4
/** Only what fails fast is tried again: an attempt that hung has taken nearly all the time that a request has. */
const RETRY_PATIENCE_MS = 2000
const FIRST_PAUSE_MS = 20
/** Shorter than anybody can hear of another node's commit and ask about it. */
const MAX_AGE_MS = 1
/** Other reads have the rest of the connections. */
const SCANS_AT_ONCE = READING_CONNECTIONS / 2
/** The first one also opens the connection. */
const CLOCK_SAMPLES = 3

/**
 * Opens the metadata store in a PostgreSQL database, whose schema is brought up to date first. Any number of processes may
 * use it at once. A database that went away is found again by the next read or commit.
 * @throws Error with a sentence for the operator if the database cannot be used
 */
export async function openPostgresMetadataStore(url: string, watch?: WatchCall): Promise<MetadataStore> {
  return new SqlMetadataStore(await PostgresEngine.open(url, watch))
}

export class PostgresEngine implements SqlEngine {
  readonly flavour: SqlFlavour
  /** They wait for the database, which others do not. */
  readonly readsHoldUp = false
  /** Its disk is not ours to look at. */
  readonly isShortOfRoom = false
  readonly #readers: Pool
  readonly #writers: Pool
  readonly #writer: PostgresWriter
  readonly #url: string
  readonly #watch: WatchCall
  node: PostgresNode | undefined
  readonly #scans = new Turns(SCANS_AT_ONCE)
  #ending: Promise<void> | undefined
  #version = 0
  #versionAt = 0

  private constructor(url: string, flavour: SqlFlavour, watch: WatchCall = () => undefined) {
    this.flavour = flavour
    this.#url = url
    this.#watch = watch
    this.#readers = openPool(url, 'read')
    this.#writers = openPool(url, 'write')
    const transactions = new PostgresTransactions(this.#writers)
    this.#writer = new PostgresWriter(transactions, commitPatienceMs(url))
    this.#writer.onSettling = () => this.#version++
  }

  static async open(url: string, watch?: WatchCall): Promise<PostgresEngine> {
    const session = await openPostgresSession(url)
    try {
      return new PostgresEngine(url, await flavourOf(session), watch)
    } finally {
      await session.close()
    }
  }

  async join(options?: JoinOptions): Promise<Node> {
    this.node = await PostgresNode.join(this.#url, options)
    return this.node
  }

  async sharedClock(): Promise<Clock> {
    const clock = new FollowedClock()
    for (let sample = 0; sample < CLOCK_SAMPLES; sample++) {
      const askedAt = performance.now()
      const { rows } = await this.#readers.query<{ present: number }>(`select ${EXACT_PRESENT} as present`)
      if (rows[0]) clock.note(rows[0].present, askedAt, performance.now())
    }
    return clock
  }

  read<Args>(query: Query<Args>, args: Args): Promise<readonly SqlRow[]> {
    return this.#run(namedQuery(query, query.bind(args)))
  }

  scan<Args>(query: Query<Args>, args: Args, projectId: string): Promise<readonly SqlRow[]> {
    const { text, values, rowMode } = namedQuery(query, query.bind(args))
    // Without a name it is planned for its values, on which it depends what an index saves.
    const unnamed = { text, values, rowMode }
    return this.#scans.run(projectId, () => this.#run(unnamed))
  }

  #run(statement: QueryArrayConfig): Promise<readonly SqlRow[]> {
    return watched(this.#watch, 'read', this.#read(statement), failureOf)
  }

  async #read(statement: QueryArrayConfig): Promise<readonly SqlRow[]> {
    const until = performance.now() + RETRY_PATIENCE_MS
    for (let attempt = 1; ; attempt++) {
      try {
        this.#requireOpen()
        return (await this.#readers.query(statement)).rows as unknown as SqlRow[]
      } catch (error) {
        if (isUnstorableText(error)) return []
        const isOver = attempt === READ_ATTEMPTS || performance.now() > until
        if (isOver || !isConnectionLost(error)) throw storeErrorOf(error)
        await sleep(FIRST_PAUSE_MS * 2 ** attempt * Math.random())
      }
    }
  }

  /** Nothing tells this process what others commit. */
  version() {
    return undefined
  }

  /** So requests of one turn of the event loop share one look-up of their key. */
  recentVersion(): number {
    const now = performance.now()
    if (now - this.#versionAt >= MAX_AGE_MS) {
      this.#version++
      this.#versionAt = now
    }
    return this.#version
  }

  write(steps: readonly Step[], queue: string | undefined, isCleanup: boolean): Promise<void> {
    return watched(this.#watch, 'commit', this.#writer.write(steps, queue, isCleanup), failureOf)
  }

  get takesSegments(): boolean {
    return this.node?.allHave.segments ?? false
  }

  get hidesFiles(): boolean {
    return this.node?.allHave.hiddenFiles ?? false
  }

  /** Asked of the database, because commands are no nodes. */
  async knowsRoles(): Promise<boolean> {
    try {
      return (await this.#readers.query<Abilities>(ABILITIES_OF_ALL)).rows[0]?.roles ?? false
    } catch (error) {
      throw storeErrorOf(error)
    }
  }

  /** How many calls wait for a connection. */
  waitingCalls(): number {
    return this.#readers.waitingCount + this.#writers.waitingCount
  }

  holdCollection(): Promise<CollectionHold> {
    return holdCollection(this.#url)
  }

  async isCollectionHeld(): Promise<boolean> {
    try {
      return (await this.#readers.query<{ held: boolean }>(COLLECTION_IS_HELD)).rows[0]?.held ?? true
    } catch (error) {
      throw storeErrorOf(error)
    }
  }

  /** A server that was the primary and is a standby now cannot take commits; a node that does not know the time should not. */
  async check(): Promise<void> {
    this.#requireOpen()
    if (this.node?.clock.isKnown() === false)
      throw new StoreError('unavailable', 'The clock of the database cannot be measured')
    try {
      const { rows } = await this.#readers.query<{ standby: boolean }>(
        'select pg_is_in_recovery() as standby',
      )
      if (rows[0]?.standby) throw new StoreError('unavailable', 'The database is a read-only standby')
    } catch (error) {
      throw storeErrorOf(error)
    }
  }

  #requireOpen(): void {
    if (this.#ending !== undefined) throw new StoreError('unavailable', 'The database is closed')
  }

  /** Commits what is queued first. Closing twice is closing once. */
  close(): Promise<void> {
    this.#ending ??= this.#end()
    return this.#ending
  }

  async #end(): Promise<void> {
    await this.#writer.close()
    await Promise.all([this.#readers.end(), this.#writers.end()])
  }
}

async function flavourOf({ run }: DatabaseSession): Promise<SqlFlavour> {
  const rows = await run(CompiledQuery.raw(USABLE_COLLATIONS, [JSON.stringify(caseCollations)]))
  const usable = rows.map(([name]) => name)
  const collation = caseCollations.find((name) => usable.includes(name)) ?? 'default'
  const [nameParts] = await run(CompiledQuery.raw(NAME_PARTS_INDEX, [NAME_PARTS, collation]))
  return postgresFlavour(collation, nameParts !== undefined)
}

const USABLE_COLLATIONS = `
  select collname::text from pg_collation
  where collname in (select json_array_elements_text($1::json))
    and collencoding in (-1, pg_char_to_encoding(getdatabaseencoding()))`

/** It serves no query with another collation, which a newer PostgreSQL may have. */
const NAME_PARTS_INDEX = `
  select indexrelid::text from pg_index
  where indexrelid = to_regclass($1) and indrelid = 'files'::regclass and indisvalid
    and strpos(pg_get_indexdef(indexrelid), 'COLLATE ' || quote_ident($2)) > 0`

/** Brings a database to the newest schema, or to the last of `migrations`. Safe when several processes do it at once. */
export async function migratePostgres(url: string, migrations = allMigrations): Promise<void> {
  await (await openMigrated(url, migrations)).close()
}

/** Opens a database, of the newest schema, beside whoever else uses it. */
export function openPostgresSession(url: string): Promise<DatabaseSession> {
  return openMigrated(url, allMigrations)
}

/** Opens a database as it is, of whatever release. @throws Error in one sentence if it cannot be used */
export function readPostgres(url: string): Promise<DatabaseSession> {
  return openMigrated(url, [])
}

async function openMigrated(url: string, migrations: typeof allMigrations): Promise<DatabaseSession> {
  const client = new Client({ ...sessionSettings(url), ...noHurry })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await requireSoundSession(client)
    const session = sessionOn(client)
    if (migrations.length > 0) await migrate(session, migrations)
    return session
  } catch (error) {
    await client.end().catch(() => undefined)
    throw openingFailure(url, error)
  }
}

/** A migration may take its time, and waits for another process's for as long as that takes. */
const noHurry = {
  statement_timeout: 0,
  lock_timeout: 0,
  query_timeout: 0,
  idle_in_transaction_session_timeout: 0,
}

function sessionOn(client: Client): DatabaseSession {
  const run: RunQuery = async ({ sql, parameters }) => {
    const { rows } = await client.query({ text: sql, values: [...parameters], rowMode: 'array' })
    return rows as unknown as SqlRow[]
  }
  return databaseSession('postgres', run, () => client.end().catch(() => undefined))
}
