import { flavours } from '../sql/flavours.ts'
import type { Migration } from './migrate.ts'

/** When keys end by themselves; null: never, as all keys of releases before. And how the keys of an organization are listed. */
export const endOfKeys: Migration = ({ schema }, engine) => [
  schema.alterTable('apiKeys').addColumn('expiresAt', flavours[engine].columnTypes.integer),
  schema.createIndex('apiKeysListed').on('apiKeys').columns(['organizationId', 'createdAt', 'id']),
]
