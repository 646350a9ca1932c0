import { type Kysely, sql } from 'kysely'
import type { OrganizationUsage, QuotaUse } from '../../core/ports/totals.ts'
import { prepare } from '../sql/prepare.ts'
import { recordShape } from '../sql/record-shape.ts'
import type { Tables } from '../sql/tables.ts'

interface Limit {
  readonly limit: number
}
type Resource = 'files' | 'bytes'

const columns = {
  files: { used: 'usedFiles', quota: 'quotaFiles' },
  bytes: { used: 'usedBytes', quota: 'quotaBytes' },
} as const

export const organizationUsageShape = recordShape<OrganizationUsage>({
  slug: 'plain',
  files: 'plain',
  bytes: 'plain',
})
export const quotaUseShape = recordShape<QuotaUse>({ slug: 'plain', used: 'plain', quota: 'plain' })

/** What an installation holds, read from counters: no query looks at the rows of files. */
export function totalQueries(db: Kysely<Tables>) {
  return {
    files: prepare<object>(() =>
      db
        .selectFrom('fileCounts')
        .select('state')
        .select(({ fn, cast }) => cast<number>(fn.sum('files'), 'bigint').as('files'))
        .groupBy('state'),
    ),
    // As floating-point numbers: what all organizations announce together may be more than an integer holds.
    projects: prepare<object>(() =>
      db
        .selectFrom('projects')
        .innerJoin('organizations', 'organizations.id', 'projects.organizationId')
        .leftJoin('fileCounts', 'fileCounts.projectId', 'projects.id')
        .select(['organizations.id', 'organizations.slug', 'projects.id as projectId'])
        .select(['projects.slug as project', 'projects.usedFiles', 'projects.usedBytes', 'fileCounts.state'])
        .select(({ fn, cast, lit }) =>
          cast<number>(fn.coalesce(fn.sum('files'), lit(0)), 'bigint').as('files'),
        )
        .groupBy(['organizations.id', 'organizations.slug', 'projects.id', 'projects.slug'])
        .groupBy(['projects.usedFiles', 'projects.usedBytes', 'fileCounts.state'])
        .orderBy('organizations.slug')
        .orderBy('projects.slug'),
    ),
    usage: prepare<object>(() =>
      db
        .selectFrom('organizations')
        .select(({ fn }) => [
          fn.countAll<number>().as('organizations'),
          total('usedFiles'),
          total('usedBytes'),
        ]),
    ),
    largest: prepare<Limit>((arg) =>
      db
        .selectFrom('organizations')
        .select(['slug', 'usedFiles as files', 'usedBytes as bytes'])
        .orderBy('usedBytes', 'desc')
        .orderBy('slug')
        .limit(arg('limit')),
    ),
    /** A quota of zero is a ban, which has no use to speak of. */
    fullest: { files: fullest(db, 'files'), bytes: fullest(db, 'bytes') },
    /** The blobs that no file points at, those that are due first. */
    unreferenced: prepare<Limit & { readonly now: number }>((arg) => {
      const first = db
        .selectFrom('unreferencedBlobs')
        .select(({ eb }) => [
          'intended',
          eb.case().when('collectAfter', '<=', arg('now')).then(1).else(0).end().as('due'),
        ])
        .orderBy('collectAfter')
        .orderBy('key')
        .limit(arg('limit'))
      return db
        .selectFrom(first.as('blobs'))
        .select(['intended', 'due'])
        .select(({ fn }) => fn.countAll<number>().as('blobs'))
        .groupBy(['intended', 'due'])
    }),
  }
}

function total(column: 'usedFiles' | 'usedBytes') {
  return sql<number>`coalesce(sum(cast(${sql.ref(column)} as double precision)), 0)`.as(column)
}

function fullest(db: Kysely<Tables>, resource: Resource) {
  const { used, quota } = columns[resource]
  return prepare<Limit>((arg) =>
    db
      .selectFrom('organizations')
      .select(({ ref }) => ['slug', ref(used).as('used'), ref(quota).as('quota')])
      .where(quota, '>', 0)
      .orderBy(sql`1.0 * ${sql.ref(used)} / ${sql.ref(quota)}`, 'desc')
      .orderBy('slug')
      .limit(arg('limit')),
  )
}
