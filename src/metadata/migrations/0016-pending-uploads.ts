import { sql } from 'kysely'
import type { Migration } from './migrate.ts'

/**
 * The project is in the index of the ends of uploads, so that those of a project are listed by it and others are passed over
 * without their rows. An index of their own would be one more page that each creation without bytes writes, and cost it 7 %.
 */
export const pendingUploads: Migration = ({ schema }) => [
  schema.dropIndex('filesLapsing'),
  schema
    .createIndex('filesLapsing')
    .on('files')
    .columns(['uploadExpiresAt', 'id', 'projectId'])
    .where(sql.ref('state'), '=', sql.lit('pending'))
    .where(sql.ref('uploadExpiresAt'), 'is not', null),
]
