import { CompiledQuery, type Kysely, sql } from 'kysely'
import type { SqlRow } from '../engine.ts'
import { type EngineName, flavours } from '../sql/flavours.ts'
import type { Tables } from '../sql/tables.ts'
import { initial } from './0001-initial.ts'
import { quotasAndPaging } from './0002-quotas-and-paging.ts'
import { fileCounts } from './0003-file-counts.ts'
import { moves } from './0004-moves.ts'
import { nodes } from './0005-nodes.ts'
import { sharedState } from './0006-shared-state.ts'
import { announcedDigests } from './0007-announced-digests.ts'
import { lateBytes } from './0008-late-bytes.ts'
import { nodeProfiles } from './0009-node-profiles.ts'
import { clockTrust } from './0010-clock-trust.ts'
import { normalNames } from './0011-normal-names.ts'
import { openUploads } from './0012-open-uploads.ts'
import { segments } from './0013-segments.ts'
import { hiddenFiles } from './0014-hidden-files.ts'
import { emulators } from './0015-emulators.ts'
import { pendingUploads } from './0016-pending-uploads.ts'
import { endOfKeys } from './0017-end-of-keys.ts'
import { fileLinks } from './0018-file-links.ts'
import { originAndSize } from './0019-origin-and-size.ts'
import { usageHours } from './0020-usage-hours.ts'
import { sessions } from './0021-sessions.ts'
import { nameChanges } from './0022-name-changes.ts'
import { uploadsByEnd } from './0023-uploads-by-end.ts'

/** One step of the schema: what to run, in order. */
export type Migration = (db: Kysely<Tables>, engine: EngineName) => readonly MigrationStep[]

interface MigrationStep {
  compile(db: Kysely<Tables>): CompiledQuery
}

/** Whose tables a database has. Only an empty one may become an installation. */
export type DatabaseContent = 'ours' | 'foreign' | 'empty'

/** Index plus one is the schema version. Released entries never change; new ones are appended. */
export const allMigrations: readonly Migration[] = [
  initial,
  quotasAndPaging,
  fileCounts,
  moves,
  nodes,
  sharedState,
  announcedDigests,
  lateBytes,
  nodeProfiles,
  clockTrust,
  normalNames,
  openUploads,
  segments,
  hiddenFiles,
  emulators,
  pendingUploads,
  endOfKeys,
  fileLinks,
  originAndSize,
  usageHours,
  sessions,
  nameChanges,
  uploadsByEnd,
]

/** A connection of its own beside those of a store, for what is not a commit. */
export interface DatabaseSession {
  readonly engine: EngineName
  readonly builder: Kysely<Tables>
  /** Outside of any transaction. */
  readonly run: RunQuery
  /** Runs `work` in one transaction that no other one of a session, of whatever process, overlaps. */
  exclusively<T>(work: (run: RunQuery) => Promise<T>): Promise<T>
  /** Runs `work`, which only reads, in one transaction that sees the rows of one moment and holds up nobody. */
  snapshot<T>(work: (run: RunQuery) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export type RunQuery = (query: CompiledQuery) => Promise<readonly SqlRow[]>

/** The number of the lock is ours and nobody else's. */
const beginnings: Readonly<
  Record<'exclusive' | 'snapshot', Readonly<Record<EngineName, readonly string[]>>>
> = {
  exclusive: {
    sqlite: ['begin immediate'],
    postgres: ['begin', 'select pg_advisory_xact_lock(7210420840)'],
  },
  snapshot: {
    sqlite: ['begin'],
    postgres: ['begin isolation level repeatable read, read only'],
  },
}

export function databaseSession(
  engine: EngineName,
  run: RunQuery,
  close: () => Promise<void>,
): DatabaseSession {
  const execute = (text: string) => run(CompiledQuery.raw(text))
  async function transaction<T>(beginning: readonly string[], work: (run: RunQuery) => Promise<T>) {
    try {
      for (const text of beginning) await execute(text)
      const result = await work(run)
      await execute('commit')
      return result
    } catch (error) {
      // It may have ended already.
      await execute('rollback').catch(() => undefined)
      throw error
    }
  }
  return {
    engine,
    builder: flavours[engine].builder,
    run,
    exclusively: (work) => transaction(beginnings.exclusive[engine], work),
    snapshot: (work) => transaction(beginnings.snapshot[engine], work),
    close,
  }
}

/**
 * Brings the schema to the newest version: a new database in one transaction, which costs one flush instead of one per
 * migration, an older one step by step, so that no step holds the locks of another. Safe when two processes do it at once.
 * @throws Error if the database was written by a newer release
 */
export async function migrate(session: DatabaseSession, migrations = allMigrations): Promise<void> {
  let migrated: boolean
  do {
    migrated = await session.exclusively((run) => migrateNext(session, migrations, run))
  } while (migrated)
}

/** Of a database that is there, which is only read. @throws Error if a newer release wrote it */
export async function readSchemaVersion({ builder, run }: DatabaseSession): Promise<number> {
  const [row] = await run(builder.selectFrom('schemaVersion').select('version').compile())
  const version = Number(row?.[0] ?? 0)
  if (version > allMigrations.length) throw tooNew(version, allMigrations)
  return version
}

function tooNew(version: number, migrations: readonly Migration[]): Error {
  return new Error(
    `The database has schema version ${version}, but this release knows none above ${migrations.length}. ` +
      'Use the release that wrote it, or a newer one.',
  )
}

/** @returns whether it did anything */
async function migrateNext(
  session: DatabaseSession,
  migrations: readonly Migration[],
  run: RunQuery,
): Promise<boolean> {
  const { builder, engine } = session
  await run(sql`create table if not exists schema_version (version integer not null)`.compile(builder))
  const [row] = await run(builder.selectFrom('schemaVersion').select('version').compile())
  const version = (row?.[0] as number | undefined) ?? 0
  if (version > migrations.length) throw tooNew(version, migrations)
  const pending = row === undefined ? migrations : migrations.slice(version, version + 1)
  if (pending.length === 0) return false
  for (const migration of pending)
    for (const step of migration(builder, engine)) await run(step.compile(builder))
  const record =
    row === undefined
      ? builder.insertInto('schemaVersion').values({ version: pending.length })
      : builder.updateTable('schemaVersion').set({ version: version + 1 })
  await run(record.compile())
  return true
}
