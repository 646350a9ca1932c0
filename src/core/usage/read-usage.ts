import { missing, organizationFor } from '../access/administrator.ts'
import { resolveProject } from '../access/admit.ts'
import { isAtLeast } from '../access/keys.ts'
import type { Caller } from '../caller.ts'
import { DAY_MS, HOUR_MS } from '../ports/clock.ts'
import type { Services } from '../services.ts'
import {
  hourOf,
  type UsageCounts,
  type UsageHolder,
  type UsageHour,
  WHOLE_ORGANIZATION,
} from './usage-hour.ts'

export const usageSteps = { hour: HOUR_MS, day: DAY_MS } as const
export type UsageStep = keyof typeof usageSteps

export interface ReadUsage {
  readonly holder: UsageHolder
  /** Both at the beginning of a step, in milliseconds since the epoch. */
  readonly from: number
  readonly to: number
  readonly step: UsageStep
}

/** A step of time. Null: nobody counted yet. */
export type UsagePoint = {
  readonly at: number
  /** What counted against quotas at its end, or counts now. */
  readonly files: number | null
  readonly bytes: number | null
} & { readonly [Name in keyof UsageCounts]: number | null }

const nothing: UsageCounts = { created: 0, deleted: 0, requests: 0, bytesIn: 0, bytesOut: 0 }
const noFiles = { files: 0, bytes: 0 }
const counts = Object.keys(nothing) as (keyof UsageCounts)[]
const unknown = Object.fromEntries(['files', 'bytes', ...counts].map((name) => [name, null])) as {
  [Name in Exclude<keyof UsagePoint, 'at'>]: null
}

/**
 * Whose usage a caller may ask for: that of a project that it may use, or, if it is an admin and names none, of its organization;
 * an operator's, of any organization and project.
 * @param asked ids or slugs
 * @throws ServiceError `project-forbidden`, `field-invalid`
 */
export async function usageHolder(
  services: Services,
  caller: Caller,
  asked: { readonly organization: string | undefined; readonly project: string | undefined },
): Promise<UsageHolder> {
  const { organization, project } = asked
  const { id: organizationId } = await organizationFor(services, caller, organization, 'organization')
  if (project === undefined && isAtLeast(caller.role, 'admin'))
    return { organizationId, projectId: WHOLE_ORGANIZATION }
  if (organizationId === caller.organizationId)
    return { organizationId, projectId: await resolveProject(services, caller, asked) }
  const named = await services.metadata.findProject(organizationId, project ?? '')
  if (named) return { organizationId, projectId: named.id }
  throw missing('project-not-found', `There is no project "${project}".`, project ?? '', 'project')
}

/**
 * Every step from `from` to `to`, as far as it has begun. An hour without a row is one in which nothing happened: it holds what the
 * one before it held. Before the first row there was nothing, if the holder did not exist, and else it is unknown.
 */
export async function readUsage(
  services: Services,
  { holder, from, to, step }: ReadUsage,
): Promise<UsagePoint[]> {
  const { metadata, clock } = services
  const now = clock.now()
  const end = Math.min(to, hourOf(now) + HOUR_MS)
  const rows = new Map((await metadata.listUsageHours(holder, from, end)).map((row) => [row.hour, row]))
  let before = await metadata.findUsageBefore(holder, from)
  const bornAt = await bornOf(services, holder)
  const held = await metadata.usage(...counterOf(holder))
  const hours: UsagePoint[] = []
  for (let at = from; at < end; at += HOUR_MS) {
    const row = rows.get(at)
    if (row !== undefined && row.files !== null) before = row
    hours.push(pointOf(at, row, at === hourOf(now) ? { ...nothing, ...held, hour: at } : before, bornAt))
  }
  return step === 'hour' ? hours : daysOf(hours)
}

function pointOf(
  at: number,
  row: UsageHour | undefined,
  last: UsageHour | undefined,
  bornAt: number,
): UsagePoint {
  const { files, bytes } = last ?? (at + HOUR_MS <= bornAt ? noFiles : unknown)
  if (files === null && row === undefined) return { at, ...unknown }
  const { created, deleted, requests, bytesIn, bytesOut } = row ?? nothing
  return { at, files, bytes, created, deleted, requests, bytesIn, bytesOut }
}

/** Days of UTC. What is known of some of its hours counts. */
function daysOf(hours: readonly UsagePoint[]): UsagePoint[] {
  const days = new Map<number, UsagePoint>()
  for (const hour of hours) {
    const at = hour.at - (hour.at % DAY_MS)
    const day = days.get(at)
    const sums = counts.map((name) => [name, sum(day?.[name] ?? null, hour[name])])
    days.set(at, { ...hour, ...(Object.fromEntries(sums) as UsageCounts), at })
  }
  return [...days.values()]
}

function sum(one: number | null, other: number | null): number | null {
  return one === null ? other : one + (other ?? 0)
}

function counterOf({ organizationId, projectId }: UsageHolder): ['organization' | 'project', string] {
  return projectId === WHOLE_ORGANIZATION ? ['organization', organizationId] : ['project', projectId]
}

async function bornOf({ metadata }: Services, { organizationId, projectId }: UsageHolder): Promise<number> {
  const found =
    projectId === WHOLE_ORGANIZATION
      ? await metadata.findOrganization(organizationId)
      : await metadata.findProject(organizationId, projectId)
  return found?.createdAt ?? 0
}
