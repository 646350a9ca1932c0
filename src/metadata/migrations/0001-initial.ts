import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { flavours } from '../sql/flavours.ts'
import type { Migration } from './migrate.ts'

/** All tables of the first release. */
export const initial: Migration = (db, engine) => [
  ...tenants(db, engine),
  ...files(db, engine),
  ...blobsAndAnswers(db, engine),
]

type Schema = Parameters<Migration>

const tableIn = (...[{ schema }, engine]: Schema) => {
  return (name: string) =>
    engine === 'sqlite' ? schema.createTable(name).modifyEnd(sql`strict`) : schema.createTable(name)
}

function tenants(...[db, engine]: Schema) {
  const { integer, text } = flavours[engine].columnTypes
  const table = tableIn(db, engine)
  return [
    table('installation').addColumn('storeId', text, (column) => column.notNull()),
    sql`insert into installation (store_id) values (${randomUUID()})`,
    table('organizations')
      .addColumn('id', text, (column) => column.notNull().primaryKey())
      .addColumn('slug', text, (column) => column.notNull().unique())
      .addColumn('createdAt', integer, (column) => column.notNull()),
    table('projects')
      .addColumn('id', text, (column) => column.notNull().primaryKey())
      .addColumn('organizationId', text, (column) => column.notNull().references('organizations.id'))
      .addColumn('slug', text, (column) => column.notNull())
      .addColumn('createdAt', integer, (column) => column.notNull())
      .addUniqueConstraint('projectsSlug', ['organizationId', 'slug']),
    table('apiKeys')
      .addColumn('id', text, (column) => column.notNull().primaryKey())
      .addColumn('hash', text, (column) => column.notNull().unique())
      .addColumn('name', text, (column) => column.notNull())
      .addColumn('organizationId', text, (column) => column.notNull().references('organizations.id'))
      .addColumn('projectIds', text, (column) => column.notNull())
      .addColumn('userId', text)
      .addColumn('role', text, (column) => column.notNull())
      .addColumn('scopes', text, (column) => column.notNull())
      .addColumn('createdAt', integer, (column) => column.notNull())
      .addColumn('revokedAt', integer),
    table('linkKeys')
      .addColumn('id', text, (column) => column.notNull().primaryKey())
      .addColumn('secret', text, (column) => column.notNull())
      .addColumn('createdAt', integer, (column) => column.notNull()),
  ]
}

function files(...[db, engine]: Schema) {
  const { integer, text } = flavours[engine].columnTypes
  const index = (name: string) => db.schema.createIndex(name).on('files')
  return [
    // No foreign keys: every insert would pay for two look-ups, and neither parent is ever removed.
    tableIn(
      db,
      engine,
    )('files')
      .addColumn('id', text, (column) => column.notNull().primaryKey())
      .addColumn('organizationId', text, (column) => column.notNull())
      .addColumn('projectId', text, (column) => column.notNull())
      .addColumn('name', text, (column) => column.notNull())
      .addColumn('sizeBytes', integer, (column) => column.notNull())
      .addColumn('mimeType', text, (column) => column.notNull())
      .addColumn('purpose', text)
      .addColumn('description', text, (column) => column.notNull())
      .addColumn('labels', text, (column) => column.notNull())
      .addColumn('externalId', text)
      .addColumn('createdBy', text, (column) => column.notNull())
      .addColumn('updatedBy', text, (column) => column.notNull())
      .addColumn('createdAt', integer, (column) => column.notNull())
      .addColumn('updatedAt', integer, (column) => column.notNull())
      .addColumn('state', text, (column) => column.notNull())
      .addColumn('storedAt', integer)
      .addColumn('uploadExpiresAt', integer)
      .addColumn('writeOnce', integer, (column) => column.notNull())
      .addColumn('expiryPolicy', text, (column) => column.notNull())
      .addColumn('ttlDays', integer, (column) => column.notNull())
      .addColumn('lastActiveAt', integer, (column) => column.notNull())
      .addColumn('expiresAt', integer)
      .addColumn('blobKey', text)
      .addColumn('blobSizeBytes', integer)
      .addColumn('sha256', text)
      .addColumn('md5', text),
    // State and expiry are in the index so that counting and skipping never touch the rows.
    index('filesListed')
      .columns(['projectId', 'createdAt', 'id', 'state', 'expiresAt'])
      .where(sql.ref('state'), '<>', sql.lit('deleted')),
    index('filesLapsing')
      .columns(['uploadExpiresAt', 'id'])
      .where(sql.ref('state'), '=', sql.lit('pending'))
      .where(sql.ref('uploadExpiresAt'), 'is not', null),
    index('filesExpiring')
      .columns(['expiresAt', 'id'])
      .where(sql.ref('state'), '=', sql.lit('stored'))
      .where(sql.ref('expiresAt'), 'is not', null),
    index('filesBlob').unique().column('blobKey').where(sql.ref('blobKey'), 'is not', null),
  ]
}

function blobsAndAnswers(...[db, engine]: Schema) {
  const { integer, text } = flavours[engine].columnTypes
  const table = tableIn(db, engine)
  const index = (name: string, of: string) => db.schema.createIndex(name).on(of)
  return [
    table('unreferencedBlobs')
      .addColumn('key', text, (column) => column.notNull().primaryKey())
      .addColumn('collectAfter', integer, (column) => column.notNull())
      .addColumn('intended', integer, (column) => column.notNull())
      .addColumn('collecting', integer, (column) => column.notNull()),
    index('unreferencedBlobsDue', 'unreferencedBlobs').columns(['collectAfter', 'key']),
    table('answers')
      .addColumn('organizationId', text, (column) => column.notNull())
      .addColumn('operation', text, (column) => column.notNull())
      .addColumn('key', text, (column) => column.notNull())
      .addColumn('token', text, (column) => column.notNull())
      .addColumn('freeAt', integer, (column) => column.notNull())
      .addColumn('status', integer)
      .addColumn('body', text)
      .addPrimaryKeyConstraint('answersSlot', ['organizationId', 'operation', 'key']),
    index('answersFree', 'answers').column('freeAt'),
  ]
}
