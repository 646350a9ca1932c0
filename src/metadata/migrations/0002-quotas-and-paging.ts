import { sql } from 'kysely'
import { flavours, INDEXED_CHARACTERS } from '../sql/flavours.ts'
import type { Migration } from './migrate.ts'

/** Quotas and what counts against them, reservations, sessions, and paging by name, id and external id. */
export const quotasAndPaging: Migration = (db, engine) => {
  const { integer, text } = flavours[engine].columnTypes
  const alter = (name: string) => db.schema.alterTable(name)
  const storedFiles = (name: string) =>
    db.schema.createIndex(name).on('files').where(sql.ref('state'), '=', sql.lit('stored'))
  // A text may be longer than PostgreSQL's indexes take.
  const keyOf = (text: 'name' | 'externalId') => {
    const indexed =
      engine === 'sqlite' ? sql.ref(text) : sql`left(${sql.ref(text)}, ${sql.lit(INDEXED_CHARACTERS)})`
    return sql`${sql.ref('projectId')}, ${indexed}, ${sql.ref('id')}`
  }
  const sessions = db.schema
    .createTable('sessions')
    .addColumn('hash', text, (column) => column.notNull().primaryKey())
    .addColumn('keyId', text, (column) => column.notNull().references('apiKeys.id'))
    .addColumn('expiresAt', integer, (column) => column.notNull())
  return [
    ...['organizations', 'projects'].flatMap((holder) => [
      alter(holder).addColumn('quotaFiles', integer),
      alter(holder).addColumn('quotaBytes', integer),
      alter(holder).addColumn('usedFiles', integer, (column) => column.notNull().defaultTo(0)),
      alter(holder).addColumn('usedBytes', integer, (column) => column.notNull().defaultTo(0)),
    ]),
    ...countUsage,
    alter('unreferencedBlobs').addColumn('reservedOrganizationId', text),
    alter('unreferencedBlobs').addColumn('reservedProjectId', text),
    alter('unreferencedBlobs').addColumn('reservedFiles', integer),
    alter('unreferencedBlobs').addColumn('reservedBytes', integer),
    engine === 'sqlite' ? sessions.modifyEnd(sql`strict`) : sessions,
    db.schema.createIndex('sessionsOver').on('sessions').column('expiresAt'),
    // Only of stored files, so that an upload pays for them once, when it has its bytes.
    storedFiles('filesByName').expression(keyOf('name')),
    storedFiles('filesById').columns(['projectId', 'id']),
    storedFiles('filesByExternalId')
      .expression(keyOf('externalId'))
      .where(sql.ref('externalId'), 'is not', null),
    ...(engine === 'sqlite' ? sizesToPlanFor : []),
  ]
}

/** Pending and stored files count, each in its project, and the projects in their organization. */
const countUsage = [
  sql`update projects set used_files = counted.files, used_bytes = counted.bytes
    from (
      select project_id, count(*) as files, sum(size_bytes) as bytes
      from files where state in ('pending', 'stored') group by project_id
    ) as counted
    where projects.id = counted.project_id`,
  sql`update organizations set used_files = counted.files, used_bytes = counted.bytes
    from (
      select organization_id, sum(used_files) as files, sum(used_bytes) as bytes
      from projects group by organization_id
    ) as counted
    where organizations.id = counted.organization_id`,
]

/**
 * SQLite takes a project for ten rows unless it is told otherwise, and then walks all of them in order where it could
 * look up a name or an id. So it is told once what a large installation looks like (sqlite.org/fileformat2.html#stat1tab).
 */
const sizesToPlanFor = [
  sql`analyze sqlite_schema`,
  ...[
    ['sqlite_autoindex_files_1', '1000000 1'],
    ['files_listed', '1000000 10000 2 1 1 1'],
    ['files_by_name', '1000000 10000 2 1'],
    ['files_by_id', '1000000 10000 1'],
    ['files_by_external_id', '1000000 10000 2 1'],
  ].map(
    ([index, rows]) => sql`insert into sqlite_stat1 (tbl, idx, stat) values ('files', ${index}, ${rows})`,
  ),
]
