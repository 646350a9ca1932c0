import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { TestServer } from '../harness.ts'

/**
 * Rows of stored files in the default project, written past the server, which would take minutes: `document <n>.pdf`, the last
 * one the newest. Their bytes are nowhere. On SQLite alone.
 */
export function addRows({ dataDir, clock }: TestServer, count: number): void {
  const database = new DatabaseSync(join(dataDir, 'entrepot.db'))
  try {
    database.exec(`
      insert into files (id, organization_id, project_id, name, size_bytes, mime_type, description, labels, created_by,
        updated_by, created_at, updated_at, state, stored_at, write_once, expiry_policy, ttl_days, last_active_at, blob_key,
        blob_size_bytes, sha256)
      with recursive numbers(i) as (select 1 union all select i + 1 from numbers where i < ${count})
      select printf('%08x-0000-7000-8000-%012x', i, i), organization_id, id, 'document ' || i || '.pdf', i, 'application/pdf',
        '', '{}', 'u', 'u', ${clock.now()} + i, ${clock.now()} + i, 'stored', ${clock.now()} + i, 0, 'never', 0,
        ${clock.now()} + i, printf('%08x', i), i, '${'a'.repeat(64)}'
      from numbers, (select organization_id, id from projects where slug = 'default')`)
  } finally {
    database.close()
  }
}
