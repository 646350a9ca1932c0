import { type Kysely, sql } from 'kysely'
import type { BlobKey } from '../../core/ports/blob-store.ts'
import type { Holder, Usage } from '../../core/ports/changes.ts'
import { type Arg, guarded, prepare, statement } from '../sql/prepare.ts'
import type { Tables } from '../sql/tables.ts'

type Id = { readonly id: string }
type Addition = Usage & Id
interface Quota extends Id {
  readonly quotaFiles: number | null
  readonly quotaBytes: number | null
}

/** Where a holder is kept, and the column of a reservation that names it. Both tables have the columns that are used here. */
const places = {
  project: { table: 'projects', reservedId: 'reservedProjectId' },
  organization: { table: 'organizations' as 'projects', reservedId: 'reservedOrganizationId' },
} as const

/** The queries of quotas and of what counts against them. No counter ever falls below zero. */
export function usageQueries(db: Kysely<Tables>) {
  const of = { organization: queriesOf(db, 'organization'), project: queriesOf(db, 'project') }
  /**
   * Always in this order, so that no two transactions wait for each other's row: whoever has the organization's has no rival
   * for those of its projects.
   */
  const inOrder = [of.organization, of.project]
  return {
    ...of,
    /** Take the reservation of one blob off the counters; it has to be cleared afterwards. */
    giveBack: inOrder.map(({ giveBack }) => giveBack),
    /** The same for all blobs. */
    giveAllBack: inOrder.map(({ giveAllBack }) => giveAllBack),
  }
}

function queriesOf(db: Kysely<Tables>, holder: Holder) {
  const { table, reservedId } = places[holder]
  const reserved = db
    .selectFrom('unreferencedBlobs')
    .select(({ fn, ref }) => [
      ref(reservedId).as('holderId'),
      fn.sum<number>('reservedFiles').as('files'),
      fn.sum<number>('reservedBytes').as('bytes'),
    ])
    .where(reservedId, 'is not', null)
    .groupBy(reservedId)
  return {
    /** Guarded: a number that grows stays within its quota, and there is such a holder. */
    add: guarded<Addition>((arg) =>
      db
        .updateTable(table)
        .set(({ ref }) => ({
          usedFiles: sumAboveZero(ref('usedFiles'), arg('files')),
          usedBytes: sumAboveZero(ref('usedBytes'), arg('bytes')),
        }))
        .where('id', '=', arg('id'))
        .where(fits('usedFiles', 'quotaFiles', 'files', arg))
        .where(fits('usedBytes', 'quotaBytes', 'bytes', arg)),
    ),
    setQuota: guarded<Quota>((arg) =>
      db
        .updateTable(table)
        .set({ quotaFiles: arg('quotaFiles'), quotaBytes: arg('quotaBytes') })
        .where('id', '=', arg('id')),
    ),
    find: prepare<Id>((arg) =>
      db.selectFrom(table).select(['usedFiles', 'usedBytes']).where('id', '=', arg('id')),
    ),
    giveBack: statement<{ readonly key: BlobKey }>((arg) =>
      db
        .updateTable(table)
        .from('unreferencedBlobs')
        .set(({ ref }) => ({
          usedFiles: sumAboveZero(ref('usedFiles'), sql`-${ref('reservedFiles')}`),
          usedBytes: sumAboveZero(ref('usedBytes'), sql`-${ref('reservedBytes')}`),
        }))
        .where('key', '=', arg('key'))
        .whereRef(`${table}.id`, '=', reservedId),
    ),
    giveAllBack: statement<object>(() =>
      db
        .updateTable(table)
        .from(reserved.as('reserved'))
        .set(({ ref }) => ({
          usedFiles: sumAboveZero(ref('usedFiles'), sql`-${ref('reserved.files')}`),
          usedBytes: sumAboveZero(ref('usedBytes'), sql`-${ref('reserved.bytes')}`),
        }))
        .whereRef(`${table}.id`, '=', 'reserved.holderId'),
    ),
  }
}

/** A wrong counter must not keep anybody from deleting. */
function sumAboveZero(used: unknown, added: unknown) {
  return sql<number>`case when ${used} + ${added} > 0 then ${used} + ${added} else 0 end`
}

function fits(used: string, quota: string, added: 'files' | 'bytes', arg: Arg<Addition>) {
  const isLowered = sql`cast(${arg(added)} as bigint) <= 0`
  return sql<boolean>`(${isLowered} or ${sql.ref(quota)} is null
    or ${sql.ref(used)} + ${arg(added)} <= ${sql.ref(quota)})`
}
