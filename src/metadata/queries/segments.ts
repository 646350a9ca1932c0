import { type Kysely, sql } from 'kysely'
import type { FileId } from '../../core/file-id.ts'
import type { Segment } from '../../core/ports/changes.ts'
import type { SegmentedFile } from '../../core/ports/metadata-store.ts'
import { type Arg, guarded, prepare, statement } from '../sql/prepare.ts'
import { allOf, recordShape } from '../sql/record-shape.ts'
import type { SegmentRow, Tables, UnreferencedBlobRow } from '../sql/tables.ts'
import { releaseListed, unreferencedColumns, unreferencedValue } from './blobs.ts'

export const segmentShape = recordShape<Segment>({
  start: 'plain',
  sizeBytes: 'plain',
  sha256: 'plain',
  blobKey: 'plain',
})

export const segmentedShape = recordShape<SegmentedFile>({
  id: 'plain',
  blobSizeBytes: 'plain',
  sha256: 'plain',
  segments: 'plain',
  segmentBytes: 'plain',
  end: 'plain',
})

interface Of {
  readonly fileId: FileId
}
interface Place extends Of {
  readonly start: number
}
/** A segment with these very bytes. */
interface Content extends Place {
  readonly sha256: string
}
interface Limit {
  readonly limit: number
}

/** The queries of segments. What releases their blobs has to come before what takes the rows away. */
export function segmentQueries(db: Kysely<Tables>) {
  const found = db.selectFrom('segments').select(segmentShape.fields)
  return {
    insert: guarded<SegmentRow>((arg) =>
      db.insertInto('segments').values(allOf(['fileId', ...segmentShape.fields, 'bytes'], arg)),
    ),
    place: guarded<Place & { readonly newStart: number }>((arg) =>
      db
        .updateTable('segments')
        .set({ start: arg('newStart') })
        .where('fileId', '=', arg('fileId'))
        .where('start', '=', arg('start')),
    ),
    releaseBlob: statement<Content & UnreferencedBlobRow>((arg) => releasedFrom(db, arg, 'one')),
    remove: guarded<Content>((arg) =>
      db
        .deleteFrom('segments')
        .where('fileId', '=', arg('fileId'))
        .where('start', '=', arg('start'))
        .where('sha256', '=', arg('sha256')),
    ),
    releaseAllBlobs: statement<Place & UnreferencedBlobRow>((arg) => releasedFrom(db, arg, 'all')),
    removeAll: statement<Place>((arg) => db.deleteFrom('segments').where('fileId', '=', arg('fileId'))),
    list: prepare<Of & Limit & { readonly from: number }>((arg) =>
      found
        .where('fileId', '=', arg('fileId'))
        .where('start', '>=', ({ selectFrom, fn }) =>
          selectFrom('segments')
            .select(fn.max('start').as('start'))
            .where('fileId', '=', arg('fileId'))
            .where('start', '<=', arg('from'))
            .where('start', '>=', 0),
        )
        .orderBy('start')
        .limit(arg('limit')),
    ),
    parts: prepare<Of & Limit>((arg) =>
      found.where('fileId', '=', arg('fileId')).where('start', '<', 0).orderBy('start').limit(arg('limit')),
    ),
    segmented: segmentedFiles(db),
    bytes: prepare<Place>((arg) =>
      db
        .selectFrom('segments')
        .select('bytes')
        .where('fileId', '=', arg('fileId'))
        .where('start', '=', arg('start')),
    ),
  }
}

/** One file after the other: what belongs to each is looked up by the primary key. */
function segmentedFiles(db: Kysely<Tables>) {
  return prepare<Limit & { readonly after: FileId }>((arg) =>
    db
      .selectFrom('files')
      .select(({ selectFrom, fn, lit }) => {
        const placed = selectFrom('segments').whereRef('fileId', '=', 'files.id').where('start', '>=', 0)
        const bytes = fn.coalesce(fn.sum<number>('sizeBytes'), lit(0))
        const end = fn.coalesce(fn.max(sql<number>`${sql.ref('start')} + ${sql.ref('sizeBytes')}`), lit(0))
        return [
          'id',
          'blobSizeBytes',
          'sha256',
          placed.select(fn.countAll().as('n')).as('segments'),
          placed.select(sql<number>`cast(${bytes} as bigint)`.as('n')).as('segmentBytes'),
          placed.select(end.as('n')).as('end'),
        ]
      })
      .where('layout', '<>', sql.lit('blob'))
      .where('id', '>', arg('after'))
      .orderBy('id')
      .limit(arg('limit')),
  )
}

/** Lists the blobs of segments as unreferenced; of all, or of the one at `start`. */
function releasedFrom(db: Kysely<Tables>, arg: Arg<Place & UnreferencedBlobRow>, which: 'all' | 'one') {
  const segments = db
    .selectFrom('segments')
    .where('fileId', '=', arg('fileId'))
    .where('blobKey', 'is not', null)
  const chosen = which === 'all' ? segments : segments.where('start', '=', arg('start'))
  const rows = chosen.select(({ ref }) =>
    unreferencedColumns.map((column) =>
      (column === 'key' ? ref('blobKey') : unreferencedValue(arg, column)).as(column),
    ),
  )
  return releaseListed(db.insertInto('unreferencedBlobs').columns(unreferencedColumns).expression(rows))
}
