import { type Command, Option } from 'commander'
import { clockOf } from '../../app/emulation.ts'
import { showSize } from '../../config/size.ts'
import type { ProjectTotals, Totals } from '../../core/ports/totals.ts'
import { type BlobEstimate, estimateBlobs } from '../../core/upkeep/estimate-blobs.ts'
import { examples } from '../arguments.ts'
import { print, printJson, printTable } from '../output.ts'
import { withStores } from './stores.ts'

interface StatsOptions {
  readonly by?: 'organization' | 'project'
  readonly json?: true
}

/** What a line of a table by organization or project says. */
interface Line extends Pick<ProjectTotals, 'usage' | 'files'> {
  readonly names: readonly string[]
}

export function addStatsCommand(program: Command): void {
  program
    .command('stats')
    .description('how much the installation holds, from its counters, also while servers run')
    .addOption(new Option('--by <holder>', 'a line for each').choices(['organization', 'project']))
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      examples([
        ['how much there is', 'stats'],
        ['who has it', 'stats --by organization'],
        ['for a program', 'stats --by project --json'],
      ]),
    )
    .action(({ by, json }: StatsOptions, command: Command) =>
      withStores(command, async ({ metadata }) => {
        const projects = await metadata.listProjectTotals()
        if (by !== undefined) return json ? printJson(holders(by, projects)) : printLines(by, projects)
        const totals = await metadata.totals((await clockOf(metadata)).machineNow(), 1)
        const blobs = await estimateBlobs(metadata)
        if (!json) return printTotals(totals, projects.length, blobs)
        const { organizations, files, usage, unreferencedBlobs } = totals
        printJson({ organizations, projects: projects.length, files, usage, blobs, unreferencedBlobs })
      }),
    )
}

function printTotals(totals: Totals, projects: number, { blobs, bytes, isExact }: BlobEstimate): void {
  const { files, usage, unreferencedBlobs } = totals
  const about = isExact ? '' : 'about '
  printTable([
    ['Organizations', `${totals.organizations}`],
    ['Projects', `${projects}`],
    ['Files stored', `${files.stored}`],
    ['  pending', `${files.pending}`],
    ['  cancelled', `${files.cancelled}`],
    ['  expired', `${files.expired}`],
    ['Bytes used', `${showSize(usage.bytes)}, with what uploads have reserved`],
    ['Blobs', `${about}${blobs}, ${about}${showSize(bytes)}; other bytes are in the database`],
    ['To be removed', `${unreferencedBlobs.due} blobs now, ${unreferencedBlobs.waiting} later`],
    ['Being received', `${unreferencedBlobs.receiving} blobs`],
  ])
  if (!isExact) print('\nBlobs are estimated from a sample of 5,000; all else is counted.')
}

/** As JSON: of organizations the sums of their projects. */
function holders(by: 'organization' | 'project', projects: readonly ProjectTotals[]) {
  if (by === 'project') return projects
  return byOrganization(projects).map(({ names: [slug], usage, files, id, count }) => ({
    id,
    slug,
    projects: count,
    usage,
    files,
  }))
}

function printLines(by: 'organization' | 'project', projects: readonly ProjectTotals[]): void {
  const lines: readonly Line[] =
    by === 'organization'
      ? byOrganization(projects)
      : projects.map(({ organization, slug, ...rest }) => ({ names: [organization, slug], ...rest }))
  const rows = lines.map(({ names, files, usage }) => [
    ...names,
    `${files.stored}`,
    `${files.pending}`,
    showSize(usage.bytes),
  ])
  const heads = by === 'organization' ? ['ORGANIZATION'] : ['ORGANIZATION', 'PROJECT']
  printTable([[...heads, 'STORED', 'PENDING', 'BYTES USED'], ...rows])
}

function byOrganization(projects: readonly ProjectTotals[]) {
  const groups = Map.groupBy(projects, ({ organizationId }) => organizationId)
  return [...groups].map(([id, group]) => {
    const sum = (of: (project: ProjectTotals) => number) =>
      group.reduce((total, project) => total + of(project), 0)
    return {
      id,
      names: [group[0]?.organization ?? id],
      count: group.length,
      usage: { files: sum(({ usage }) => usage.files), bytes: sum(({ usage }) => usage.bytes) },
      files: {
        pending: sum(({ files }) => files.pending),
        stored: sum(({ files }) => files.stored),
        cancelled: sum(({ files }) => files.cancelled),
        expired: sum(({ files }) => files.expired),
      },
    }
  })
}
