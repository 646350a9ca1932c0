import type { KeyCursor, SlugCursor, TenantStore } from '../core/ports/tenant-store.ts'
import type { SqlEngine } from './engine.ts'
import type { ChangeQueries } from './plan-change.ts'
import { keyShape, listedOrganizationShape, listedProjectShape, projectShape } from './queries/access.ts'

type TenantReads = Pick<
  TenantStore,
  'pageOrganizations' | 'pageProjects' | 'findProjectById' | 'findKeyById' | 'pageKeys'
>

/** No slug is empty. */
const BEFORE_SLUGS: SlugCursor = { slug: '', id: '' }
const AFTER_ALL_TIME: KeyCursor = { createdAt: Number.MAX_SAFE_INTEGER, id: '' }

/** What administration reads. */
export function tenantReads(engine: SqlEngine, { tenants, keys }: ChangeQueries): TenantReads {
  return {
    async pageOrganizations({ after = BEFORE_SLUGS, limit }) {
      const rows = await engine.read(tenants.pageOrganizations, { ...after, limit })
      return rows.map(listedOrganizationShape.fromRow)
    },

    async pageProjects({ after = BEFORE_SLUGS, limit, organizationId }) {
      const page = { ...after, limit }
      const rows =
        organizationId === undefined
          ? await engine.read(tenants.pageProjects, page)
          : await engine.read(tenants.pageProjectsOf, { ...page, organizationId })
      return rows.map(listedProjectShape.fromRow)
    },

    async findProjectById(id) {
      const [row] = await engine.read(tenants.findProjectById, { id })
      return row && projectShape.fromRow(row)
    },

    async findKeyById(id) {
      const [row] = await engine.read(keys.findKeyById, { id })
      return row && keyShape.fromRow(row)
    },

    async pageKeys({ after = AFTER_ALL_TIME, limit, organizationId }) {
      const page = { ...after, limit }
      const rows =
        organizationId === undefined
          ? await engine.read(keys.pageKeys, page)
          : await engine.read(keys.pageKeysOf, { ...page, organizationId })
      return rows.map(keyShape.fromRow)
    },
  }
}
