import type { Tables } from '../metadata/sql/tables.ts'

export type TableName = keyof Tables

/**
 * The columns by which each table is read in order, as SQL spells them; null for a table that a move neither shuts nor
 * copies. A new table does not compile until it says which.
 */
const keys = {
  schemaVersion: null,
  // A move is noted here.
  installation: null,
  organizations: ['id'],
  projects: ['id'],
  apiKeys: ['id'],
  linkKeys: ['id'],
  sessions: ['hash'],
  grantSessions: ['hash'],
  files: ['id'],
  fileLinks: ['id'],
  segments: ['file_id', 'start'],
  // Triggers of `files` write it, and the target counts anew.
  fileCounts: null,
  usageHours: ['organization_id', 'project_id', 'hour'],
  // The target makes its index of names anew.
  nameChanges: null,
  unreferencedBlobs: ['key'],
  answers: ['organization_id', 'operation', 'key'],
  // Servers that wait for the end of the move stay alive; each enters itself.
  nodes: null,
} as const satisfies Record<TableName, readonly string[] | null>

/** Those whose rows move, each behind the ones that it refers to. */
export const movedTables = Object.entries(keys).flatMap(([name, key]) =>
  key === null ? [] : [{ name: name as TableName, key: key as readonly string[] }],
)
