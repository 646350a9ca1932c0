import { type Kysely, sql } from 'kysely'
import {
  type CountedHour,
  type UsageCounts,
  type UsageHolder,
  type UsageHour,
  WHOLE_ORGANIZATION,
} from '../../core/usage/usage-hour.ts'
import { type Arg, prepare, statement } from '../sql/prepare.ts'
import { recordShape } from '../sql/record-shape.ts'
import type { Tables } from '../sql/tables.ts'

export const usageHourShape = recordShape<UsageHour>({
  hour: 'plain',
  files: 'plain',
  bytes: 'plain',
  created: 'plain',
  deleted: 'plain',
  requests: 'plain',
  bytesIn: 'plain',
  bytesOut: 'plain',
})

const counts = [
  'created',
  'deleted',
  'requests',
  'bytesIn',
  'bytesOut',
] as const satisfies readonly (keyof UsageCounts)[]
const columns = ['organizationId', 'projectId', 'hour', 'files', 'bytes', ...counts] as const

type Addition = CountedHour & { readonly isEnding: boolean }
type Range = UsageHolder & { readonly from: number; readonly to: number }

/** Where a holder's counters are, and the ids of its row. */
const places = {
  organization: {
    table: 'organizations',
    organizationId: sql`organizations.id`,
    projectId: sql.lit(WHOLE_ORGANIZATION),
  },
  project: { table: 'projects', organizationId: sql`projects.organization_id`, projectId: sql`projects.id` },
} as const
type Place = (typeof places)[keyof typeof places]

/** What happened by the hour, of projects and of organizations as a whole. */
export function usageHourQueries(db: Kysely<Tables>) {
  const { organization, project } = places
  const ofOrganization = addition(organization, 'organizationId')
  const ofProject = addition(project, 'projectId')
  const of = (arg: Arg<UsageHolder>) =>
    db
      .selectFrom('usageHours')
      .select(usageHourShape.fields)
      .where('organizationId', '=', arg('organizationId'))
      .where('projectId', '=', arg('projectId'))
  return {
    addTo: ({ projectId }: UsageHolder) => (projectId === WHOLE_ORGANIZATION ? ofOrganization : ofProject),
    purge: statement<{ readonly before: number }>((arg) =>
      db
        .deleteFrom('usageHours')
        .where('hour', '<', arg('before'))
        .where(isFollowed(arg('before'))),
    ),
    begin: [beginning(organization), beginning(project)],
    list: prepare<Range>((arg) =>
      of(arg as unknown as Arg<UsageHolder>)
        .where('hour', '>=', arg('from'))
        .where('hour', '<', arg('to'))
        .orderBy('hour')
        .limit(5000),
    ),
    lastBefore: prepare<UsageHolder & { readonly before: number }>((arg) =>
      of(arg as unknown as Arg<UsageHolder>)
        .where('hour', '<', arg('before'))
        .where('files', 'is not', null)
        .orderBy('hour', 'desc')
        .limit(1),
    ),
  }

  function addition({ table, organizationId, projectId }: Place, id: 'organizationId' | 'projectId') {
    return statement<Addition>((arg) => {
      const now = (column: string) =>
        sql`case when cast(${arg('isEnding')} as bigint) = 1 then ${sql.ref(column)} end`
      const given = (name: 'hour' | keyof UsageCounts) => sql`cast(${arg(name)} as bigint)`
      const values = [
        organizationId,
        projectId,
        given('hour'),
        now('usedFiles'),
        now('usedBytes'),
        ...counts.map(given),
      ]
      const sums = counts.map(
        (name) => sql`${sql.ref(name)} = usage_hours.${sql.ref(name)} + excluded.${sql.ref(name)}`,
      )
      return raw(sql`insert into usage_hours (${names}) select ${sql.join(values)} from ${sql.table(table)}
        where id = ${arg(id)} on conflict (organization_id, project_id, hour) do update set
        files = coalesce(excluded.files, usage_hours.files), bytes = coalesce(excluded.bytes, usage_hours.bytes),
        ${sql.join(sums)}`)
    })
  }

  function beginning({ table, organizationId, projectId }: Place) {
    return statement<{ readonly hour: number }>((arg) => {
      const zeros = counts.map((name) => sql`0 as ${sql.ref(name)}`)
      return raw(sql`insert into usage_hours (${names})
        select ${organizationId}, ${projectId}, cast(${arg('hour')} as bigint), used_files, used_bytes, ${sql.join(zeros)}
        from ${sql.table(table)} where not exists (select 1 from usage_hours as known
          where known.organization_id = ${organizationId} and known.project_id = ${projectId})
        on conflict do nothing`)
    })
  }

  function raw(query: ReturnType<typeof sql>) {
    return { compile: () => query.compile(db) }
  }
}

const names = sql.join(columns.map((column) => sql.ref(column)))

/** The last hour of which is known what was held is followed by none: hours without a row held as much. */
function isFollowed(before: number) {
  return sql<boolean>`exists (select 1 from usage_hours as newer
    where newer.organization_id = usage_hours.organization_id and newer.project_id = usage_hours.project_id
    and newer.hour > usage_hours.hour and newer.hour < ${before} and newer.files is not null)`
}
