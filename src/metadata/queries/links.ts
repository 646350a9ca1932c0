import type { Kysely } from 'kysely'
import type { FileLink } from '../../core/links/file-links.ts'
import { guarded, prepare, statement } from '../sql/prepare.ts'
import { recordShape } from '../sql/record-shape.ts'
import type { Tables } from '../sql/tables.ts'

export const linkShape = recordShape<FileLink>({
  id: 'plain',
  fileId: 'plain',
  createdBy: 'plain',
  createdAt: 'plain',
  expiresAt: 'plain',
})

type Id = { readonly id: string }
type OfFile = { readonly fileId: string }
type Now = { readonly now: number }

/** Links that have a row. */
export function linkQueries(db: Kysely<Tables>) {
  const links = db.selectFrom('fileLinks').select(linkShape.fields)
  return {
    /** Locks the file by a no-op update: on PostgreSQL `insert` then counts the links of commits that were faster. */
    holdFile: guarded<OfFile>((arg) =>
      db
        .updateTable('files')
        .set(({ ref }) => ({ segmentCount: ref('segmentCount') }))
        .where('id', '=', arg('fileId'))
        .where('state', '=', 'stored'),
    ),
    insert: guarded<FileLink & { readonly maxPerFile: number }>((arg) =>
      db
        .insertInto('fileLinks')
        .columns([...linkShape.fields])
        .expression(
          db
            .selectFrom('files')
            .select(({ val }) => linkShape.fields.map((field) => val(arg(field)).as(field)))
            .where('id', '=', arg('fileId'))
            .where(
              ({ selectFrom, fn }) =>
                selectFrom('fileLinks')
                  .select(fn.countAll<number>().as('n'))
                  .where('fileId', '=', arg('fileId'))
                  .where('expiresAt', '>', arg('createdAt')),
              '<',
              arg('maxPerFile'),
            ),
        ),
    ),
    delete: guarded<Id & OfFile>((arg) =>
      db.deleteFrom('fileLinks').where('id', '=', arg('id')).where('fileId', '=', arg('fileId')),
    ),
    purge: statement<Now>((arg) => db.deleteFrom('fileLinks').where('expiresAt', '<=', arg('now'))),
    find: prepare<Id>((arg) => links.where('id', '=', arg('id'))),
    ofFile: prepare<OfFile & Now>((arg) =>
      links
        .where('fileId', '=', arg('fileId'))
        .where('expiresAt', '>', arg('now'))
        .orderBy('createdAt', 'desc')
        .orderBy('id', 'desc'),
    ),
  }
}
