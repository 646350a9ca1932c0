import { hash } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Answer, AnswerSlot } from '../../core/ports/changes.ts'
import type { SqlRow } from '../engine.ts'
import { type Arg, guarded, prepare, statement } from '../sql/prepare.ts'
import type { Tables } from '../sql/tables.ts'

/** PostgreSQL refuses longer entries of a B-tree of 8 KiB pages (BTMaxItemSize, nbtree.h). */
const MAX_ENTRY_BYTES = 2704
const ENTRY_HEADER_BYTES = 8
/** Longer texts have a header of four bytes instead of one, and begin at a multiple of four. */
const MAX_SHORT_TEXT_BYTES = 126

/**
 * The slot under which an answer is kept: its SHA-256 if PostgreSQL cannot index the slot itself. SQLite does the same, since
 * rows move between the two. Servers of the release before keep every slot as it is and fail with those that are too long.
 * Therefore only those are hashed: in a rolling upgrade all servers find the others under the same name.
 */
export function indexedSlot(slot: AnswerSlot): AnswerSlot {
  const { organizationId, operation, key } = slot
  if (entryBytes([organizationId, operation, key]) <= MAX_ENTRY_BYTES) return slot
  const digest = hash('sha256', JSON.stringify([operation, key]))
  return { organizationId, operation: 'sha256', key: digest }
}

/** What the texts take in the index together; they do not compress, being mostly random ids. */
function entryBytes(texts: readonly string[]): number {
  let end = ENTRY_HEADER_BYTES
  for (const text of texts) {
    const bytes = Buffer.byteLength(text)
    end = bytes <= MAX_SHORT_TEXT_BYTES ? end + 1 + bytes : Math.ceil(end / 4) * 4 + 4 + bytes
  }
  return end
}

interface Owned extends AnswerSlot {
  readonly token: string
}
interface Now {
  readonly now: number
}
interface Due extends Now {
  readonly limit: number
}

const slotFields = ['organizationId', 'operation', 'key'] as const

/** What a request does with its slot. A row whose `freeAt` has passed counts as absent. */
export function answerQueries(db: Kysely<Tables>) {
  const reserved = (arg: Arg<Owned>) => ({ ...slotIn(arg), token: arg('token') })
  return {
    claim: guarded<Owned & Now & { readonly leaseUntil: number; readonly node: number | null }>((arg) => {
      const reservation = {
        token: arg('token'),
        freeAt: arg('leaseUntil'),
        status: null,
        body: null,
        node: arg('node'),
      }
      return db
        .insertInto('answers')
        .values({ ...slotIn(arg as unknown as Arg<AnswerSlot>), ...reservation })
        .onConflict((conflict) =>
          conflict.columns(slotFields).doUpdateSet(reservation).where('answers.freeAt', '<=', arg('now')),
        )
    }),
    save: guarded<Owned & Answer & { readonly keepUntil: number }>((arg) =>
      db
        .updateTable('answers')
        .set({ status: arg('status'), body: arg('body'), freeAt: arg('keepUntil') })
        .where(({ and }) => and(reserved(arg as unknown as Arg<Owned>)))
        .where('status', 'is', null),
    ),
    renew: statement<Owned & { readonly leaseUntil: number }>((arg) =>
      db
        .updateTable('answers')
        .set({ freeAt: arg('leaseUntil') })
        .where(({ and }) => and(reserved(arg as unknown as Arg<Owned>)))
        .where('status', 'is', null),
    ),
    drop: statement<Owned>((arg) =>
      db
        .deleteFrom('answers')
        .where(({ and }) => and(reserved(arg)))
        .where('status', 'is', null),
    ),
    find: prepare<AnswerSlot & Now>((arg) =>
      db
        .selectFrom('answers')
        .select(['status', 'body'])
        .where(({ and }) => and(slotIn(arg as unknown as Arg<AnswerSlot>)))
        .where('freeAt', '>', arg('now')),
    ),
  }
}

/** What jobs do with slots whose time is over or whose owner is dead. */
export function lapsedAnswerQueries(db: Kysely<Tables>) {
  const lapsed = (arg: Arg<Due>) =>
    db
      .selectFrom('answers')
      .select(slotFields)
      .where('freeAt', '<=', arg('now'))
      .orderBy('freeAt')
      .limit(arg('limit'))
  return {
    // The time is asked for twice: of a row that was claimed anew meanwhile PostgreSQL looks at the outer condition alone.
    purge: statement<Due>((arg) =>
      db
        .deleteFrom('answers')
        .where(({ eb, refTuple }) =>
          eb(refTuple('organizationId', 'operation', 'key'), 'in', lapsed(arg).$asTuple(...slotFields)),
        )
        .where('freeAt', '<=', arg('now')),
    ),
    countLapsed: prepare<Due>((arg) =>
      db.selectFrom(lapsed(arg).as('lapsed')).select(({ fn }) => fn.countAll<number>().as('count')),
    ),
    freeAbandoned: statement<object>(() =>
      db
        .deleteFrom('answers')
        .where('status', 'is', null)
        .where('node', 'is not', null)
        .where(({ not, exists, selectFrom }) =>
          not(exists(selectFrom('nodes').select('id').whereRef('nodes.id', '=', 'answers.node'))),
        ),
    ),
    endReservations: statement<object>(() => db.deleteFrom('answers').where('status', 'is', null)),
  }
}

function slotIn(arg: Arg<AnswerSlot>) {
  return { organizationId: arg('organizationId'), operation: arg('operation'), key: arg('key') }
}

export function answerFromRow([status, body]: SqlRow): Answer | 'running' {
  return status === null ? 'running' : { status: status as number, body: body as string }
}
