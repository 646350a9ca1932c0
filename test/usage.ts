import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import type { Usage } from '../src/core/metadata-store.ts'
import type { TestServer } from './harness.ts'

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

/** What counts against the quotas now; organization and project must agree, for there is one project. */
export async function usageNow(server: TestServer): Promise<Usage> {
  const { metadata } = server.app.services
  const { organization, project } = await defaultTenant(server)
  const usage = await metadata.usage('organization', organization)
  assert.deepEqual(await metadata.usage('project', project), usage)
  return usage
}

/** What the rows of a data folder add up to, read past everything that keeps count. */
export function usageByRows(dataDir: string): Usage {
  const database = new DatabaseSync(join(dataDir, 'entrepot.db'), { readOnly: true })
  try {
    const row = database
      .prepare(
        `select count(*) as files, coalesce(sum(size_bytes), 0) as bytes
         from files where state in ('pending', 'stored')`,
      )
      .get()
    return { files: Number(row?.files), bytes: Number(row?.bytes) }
  } finally {
    database.close()
  }
}

/** Waits, at most 10 s, until everything in flight has been given back; then counters and rows must agree. */
export async function settledUsage(server: TestServer): Promise<Usage> {
  const rows = usageByRows(server.dataDir)
  for (const start = Date.now(); Date.now() - start < 10_000; await delay(10)) {
    const usage = await usageNow(server)
    if (usage.files === rows.files && usage.bytes === rows.bytes) return usage
  }
  assert.deepEqual(await usageNow(server), rows)
  return rows
}
