import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Usage } from '../src/core/ports/changes.ts'
import type { TestServer } from './harness.ts'
import { query } from './postgres.ts'

/** The default organization and its default project. */
export async function defaultTenant({ app }: TestServer): Promise<{ organization: string; project: string }> {
  const organization = await app.services.metadata.findOrganization('default')
  const project = await app.services.metadata.findProject(organization?.id ?? '', 'default')
  assert.ok(organization && project)
  return { organization: organization.id, project: project.id }
}

export async function setQuota(
  server: TestServer,
  holder: 'organization' | 'project',
  { files = null, bytes = null }: { readonly files?: number | null; readonly bytes?: number | null },
): Promise<void> {
  const id = (await defaultTenant(server))[holder]
  const quota = { kind: 'quota.set', holder, id, quotaFiles: files, quotaBytes: bytes } as const
  await server.app.services.metadata.commit([quota])
}

/** What counts against the quotas of the organization now. */
export async function usageNow(
  server: TestServer,
  holder: 'organization' | 'project' = 'organization',
): Promise<Usage> {
  return server.app.services.metadata.usage(holder, (await defaultTenant(server))[holder])
}

/** What the rows of a server's database add up to, read past everything that keeps count. */
export function usageByRows(server: TestServer): Promise<Usage> {
  return readUsage(
    server,
    `select count(*) as files, coalesce(sum(size_bytes), 0) as bytes
     from files where state in ('pending', 'stored')`,
  )
}

/** What is counted for all organizations, whoever keeps the database open. */
export async function countedFiles(server: TestServer): Promise<number> {
  const counters = 'select sum(used_files) as files, sum(used_bytes) as bytes from organizations'
  return (await readUsage(server, counters)).files
}

async function readUsage({ dataDir, databaseUrl }: TestServer, text: string): Promise<Usage> {
  if (databaseUrl) {
    const [row] = await query<Record<keyof Usage, string>>(databaseUrl, text)
    return { files: Number(row?.files), bytes: Number(row?.bytes) }
  }
  const database = new DatabaseSync(join(dataDir, 'entrepot.db'), { readOnly: true })
  try {
    const row = database.prepare(text).get()
    return { files: Number(row?.files), bytes: Number(row?.bytes) }
  } finally {
    database.close()
  }
}

/**
 * Waits, at most 10 s, until everything in flight has been given back: then the counters of organization and project and
 * the rows agree (there is one project).
 */
export async function settledUsage(server: TestServer): Promise<Usage> {
  for (const start = Date.now(); ; await delay(10)) {
    const rows = await usageByRows(server)
    const counted = { organization: await usageNow(server), project: await usageNow(server, 'project') }
    if (isDeepStrictEqual(counted, { organization: rows, project: rows })) return rows
    if (Date.now() - start > 10_000) assert.deepEqual(counted, { organization: rows, project: rows })
  }
}
