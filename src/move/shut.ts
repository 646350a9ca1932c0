import { sql } from 'kysely'
import type { MoveStage, MoveState } from '../core/ports/move.ts'
import type { DatabaseSession } from '../metadata/migrations/migrate.ts'
import { READ_ONLY_STATE } from '../metadata/postgres/read-only-state.ts'
import { inSql } from '../metadata/sql/tables.ts'
import { movedTables } from './moved-tables.ts'

/** Before them and after them nobody has to be kept from writing: no server starts, or any may. */
const OPEN_STAGES: readonly (MoveStage | undefined)[] = ['filling', 'arriving', 'settled', undefined]
const ATTEMPTS = 10
const DEADLOCK = '40P01'

const shutTables = movedTables.map(({ name }) => inSql(name))

/**
 * Notes where the move stands, and shuts or opens the database for commits accordingly, in one transaction: earlier
 * commits are there to be copied, and later ones are refused, in every process. Triggers do it, so it costs nothing while
 * nothing moves.
 */
export async function noteMove(session: DatabaseSession, move: MoveState | undefined): Promise<void> {
  const { builder, engine, exclusively } = session
  const isShut = !OPEN_STAGES.includes(move?.stage)
  const { admit, refuse } = engine === 'sqlite' ? onSqlite : onPostgres
  const patch = { moveStage: move?.stage ?? null, movePlace: move?.place ?? null }
  const note = builder.updateTable('installation').set(patch).compile()
  for (let attempt = 1; ; attempt++) {
    try {
      return await exclusively(async (run) => {
        for (const text of isShut ? [...admit, ...refuse] : admit) await run(sql.raw(text).compile(builder))
        await run(note)
      })
    } catch (error) {
      // Commits under way lock the tables in another order.
      if ((error as { code?: string }).code !== DEADLOCK || attempt === ATTEMPTS) throw error
    }
  }
}

/** SQL that admits writes, also where they are admitted already, and SQL that then refuses them. */
interface Shutting {
  readonly admit: readonly string[]
  readonly refuse: readonly string[]
}

const verbs = ['insert', 'update', 'delete']
const triggers = shutTables.flatMap((table) =>
  verbs.map((verb) => ({ name: `moving_${table}_${verb}`, event: `${verb} on ${table}` })),
)

const onSqlite: Shutting = {
  admit: triggers.map(({ name }) => `drop trigger if exists ${name}`),
  refuse: triggers.map(
    ({ name, event }) => `create trigger ${name} before ${event} begin select raise(abort, 'moving'); end`,
  ),
}

const onPostgres: Shutting = {
  admit: ['drop function if exists refuse_writes() cascade'],
  refuse: [
    `create function refuse_writes() returns trigger language plpgsql as $$ begin
      raise exception 'moving' using errcode = '${READ_ONLY_STATE}';
    end $$`,
    ...shutTables.map(
      (table) =>
        `create trigger moving before insert or update or delete on ${table} for each statement execute function refuse_writes()`,
    ),
  ],
}
