import { type Kysely, sql } from 'kysely'
import type { BlobKey } from '../../core/ports/blob-store.ts'
import type { Holder, Usage } from '../../core/ports/changes.ts'
import { type Arg, guarded, prepare, type Statement, statement } from '../sql/prepare.ts'
import type { Tables } from '../sql/tables.ts'

interface Quota {
  readonly id: string
  readonly quotaFiles: number | null
  readonly quotaBytes: number | null
}
type Addition = Usage & { readonly id: string }
interface Growth {
  readonly files: boolean
  readonly bytes: boolean
}

/** Where a holder is kept, and the column of a reservation that names it. */
const places = {
  project: { table: 'projects', reservedId: 'reservedProjectId' },
  organization: { table: 'organizations', reservedId: 'reservedOrganizationId' },
} as const
/**
 * Always in this order, so that no two transactions wait for each other's row: whoever has the organization's has no rival
 * for those of its projects.
 */
const holders: readonly Holder[] = ['organization', 'project']

/** The queries of quotas and of what counts against them. No counter ever falls below zero. */
export function usageQueries(db: Kysely<Tables>) {
  const additions = { organization: additionsTo(db, 'organization'), project: additionsTo(db, 'project') }
  return {
    setQuota: { organization: setQuota(db, 'organization'), project: setQuota(db, 'project') },
    find: { organization: find(db, 'organization'), project: find(db, 'project') },
    /** Take the reservation of one blob off the counters; it has to be cleared afterwards. */
    giveBack: holders.map((holder) => giveBack(db, holder)),
    /** The same for all blobs. */
    giveAllBack: holders.map((holder) => giveAllBack(db, holder)),
    /** Guarded: a number that grows stays within its quota, and there is such a holder. */
    addition: (holder: Holder, { files, bytes }: Usage) =>
      additions[holder][(files > 0 ? 1 : 0) + (bytes > 0 ? 2 : 0)] as Statement<Addition>,
  }
}

/** By what grows: nothing, files, bytes, or both. */
function additionsTo(db: Kysely<Tables>, holder: Holder): readonly Statement<Addition>[] {
  return [0, 1, 2, 3].map((growth) =>
    guarded((arg) => addition(db, holder, { files: (growth & 1) > 0, bytes: (growth & 2) > 0 }, arg)),
  )
}

/** Both tables have these columns, so one type does for both. */
function tableOf(holder: Holder) {
  return places[holder].table as 'projects'
}

function addition(db: Kysely<Tables>, holder: Holder, growth: Growth, arg: Arg<Addition>) {
  let query = db
    .updateTable(tableOf(holder))
    .set(({ eb, ref }) => ({
      usedFiles: growth.files ? eb('usedFiles', '+', arg('files')) : lowered(ref('usedFiles'), arg('files')),
      usedBytes: growth.bytes ? eb('usedBytes', '+', arg('bytes')) : lowered(ref('usedBytes'), arg('bytes')),
    }))
    .where('id', '=', arg('id'))
  if (growth.files) {
    query = query.where(({ eb, or, ref }) =>
      or([eb('quotaFiles', 'is', null), eb(eb('usedFiles', '+', arg('files')), '<=', ref('quotaFiles'))]),
    )
  }
  if (growth.bytes) {
    query = query.where(({ eb, or, ref }) =>
      or([eb('quotaBytes', 'is', null), eb(eb('usedBytes', '+', arg('bytes')), '<=', ref('quotaBytes'))]),
    )
  }
  return query
}

/** A wrong counter must not keep anybody from deleting. */
function lowered(used: unknown, by: unknown) {
  return sql<number>`case when ${used} + ${by} > 0 then ${used} + ${by} else 0 end`
}

function setQuota(db: Kysely<Tables>, holder: Holder) {
  return guarded<Quota>((arg) =>
    db
      .updateTable(tableOf(holder))
      .set({ quotaFiles: arg('quotaFiles'), quotaBytes: arg('quotaBytes') })
      .where('id', '=', arg('id')),
  )
}

function find(db: Kysely<Tables>, holder: Holder) {
  return prepare<{ readonly id: string }>((arg) =>
    db.selectFrom(tableOf(holder)).select(['usedFiles', 'usedBytes']).where('id', '=', arg('id')),
  )
}

function giveBack(db: Kysely<Tables>, holder: Holder) {
  const table = tableOf(holder)
  return statement<{ readonly key: BlobKey }>((arg) =>
    db
      .updateTable(table)
      .from('unreferencedBlobs')
      .set(({ ref }) => ({
        usedFiles: lowered(ref('usedFiles'), sql`-${ref('reservedFiles')}`),
        usedBytes: lowered(ref('usedBytes'), sql`-${ref('reservedBytes')}`),
      }))
      .where('key', '=', arg('key'))
      .whereRef(`${table}.id`, '=', places[holder].reservedId),
  )
}

function giveAllBack(db: Kysely<Tables>, holder: Holder) {
  const { reservedId } = places[holder]
  const table = tableOf(holder)
  const reserved = db
    .selectFrom('unreferencedBlobs')
    .select(({ fn, ref }) => [
      ref(reservedId).as('holderId'),
      fn.sum<number>('reservedFiles').as('files'),
      fn.sum<number>('reservedBytes').as('bytes'),
    ])
    .where(reservedId, 'is not', null)
    .groupBy(reservedId)
  return statement<object>(() =>
    db
      .updateTable(table)
      .from(reserved.as('reserved'))
      .set(({ ref }) => ({
        usedFiles: lowered(ref('usedFiles'), sql`-${ref('reserved.files')}`),
        usedBytes: lowered(ref('usedBytes'), sql`-${ref('reserved.bytes')}`),
      }))
      .whereRef(`${table}.id`, '=', 'reserved.holderId'),
  )
}
