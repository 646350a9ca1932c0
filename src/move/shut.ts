import { sql } from 'kysely'
import type { MoveState } from '../core/ports/move.ts'
import type { DatabaseSession, RunQuery } from '../metadata/migrations/migrate.ts'
import { READ_ONLY_STATE } from '../metadata/postgres/errors.ts'
import { inSql, type Tables } from '../metadata/sql/tables.ts'

const ATTEMPTS = 10
const DEADLOCK = '40P01'

/** Whether a table is shut while the installation moves. A new table does not compile until it says so. */
const isShut = {
  // A move is noted here.
  schemaVersion: false,
  installation: false,
  organizations: true,
  projects: true,
  apiKeys: true,
  linkKeys: true,
  sessions: true,
  files: true,
  // Triggers of `files` write it, and the target counts anew.
  fileCounts: false,
  unreferencedBlobs: true,
  answers: true,
  // Servers that wait for the end of the move stay alive.
  nodes: false,
} as const satisfies Record<keyof Tables, boolean>

const shutTables = Object.entries(isShut).flatMap(([name, shut]) => (shut ? [inSql(name)] : []))

/**
 * Notes where the move stands, and shuts or opens the database for commits accordingly, in one transaction: whatever was
 * committed before is there to be copied, and whoever comes later is refused, in whatever process. Triggers do it, so that
 * nobody pays for it, or has to be told, as long as nothing moves.
 */
export async function noteMove(session: DatabaseSession, move: MoveState | undefined): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await session.exclusively(async (run) => {
        await admitWrites(session, run)
        if (move && move.stage !== 'settled' && move.stage !== 'arriving') await refuseWrites(session, run)
        await run(
          session.builder
            .updateTable('installation')
            .set({ moveStage: move?.stage ?? null, movePlace: move?.place ?? null })
            .compile(),
        )
      })
    } catch (error) {
      // Commits under way hold the tables in an order of their own.
      if ((error as { code?: string }).code !== DEADLOCK || attempt === ATTEMPTS) throw error
    }
  }
}

async function refuseWrites({ engine, builder }: DatabaseSession, run: RunQuery): Promise<void> {
  const statements = engine === 'sqlite' ? shutTables.flatMap(sqliteTriggers) : postgresTriggers
  for (const text of statements) await run(sql.raw(text).compile(builder))
}

/** Does nothing where writes are admitted. */
async function admitWrites({ engine, builder }: DatabaseSession, run: RunQuery): Promise<void> {
  const statements =
    engine === 'sqlite'
      ? shutTables.flatMap((table) => verbs.map((verb) => `drop trigger if exists ${nameOf(table, verb)}`))
      : ['drop function if exists refuse_writes() cascade']
  for (const text of statements) await run(sql.raw(text).compile(builder))
}

const verbs = ['insert', 'update', 'delete']

function nameOf(table: string, verb: string): string {
  return `moving_${table}_${verb}`
}

function sqliteTriggers(table: string): string[] {
  return verbs.map(
    (verb) =>
      `create trigger ${nameOf(table, verb)} before ${verb} on ${table} begin select raise(abort, 'moving'); end`,
  )
}

const postgresTriggers = [
  `create function refuse_writes() returns trigger language plpgsql as $$ begin
    raise exception 'moving' using errcode = '${READ_ONLY_STATE}';
  end $$`,
  ...shutTables.map(
    (table) =>
      `create trigger moving before insert or update or delete on ${table} for each statement execute function refuse_writes()`,
  ),
]
