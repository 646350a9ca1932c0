import type { JobBody, JobsBody } from '../../api/operating.ts'
import { type Column, Table } from '../../ui/table.tsx'
import { countOf, fromNow } from '../../ui/text.tsx'
import styles from './settings.module.css'

/** @param now of the server, in ms */
const columnsAt = (now: number): readonly Column<JobBody>[] => [
  { name: 'Job', cell: ({ name }) => name },
  { name: 'Every', cell: ({ everyMs }) => spanOf(everyMs), isMinor: true },
  { name: 'Where', cell: (job) => whereOf(job), isMinor: true },
  { name: 'Last result', cell: (job) => <Result job={job} /> },
  { name: 'Ended', cell: ({ endedAt }) => (endedAt === null ? 'not yet' : fromNow(endedAt, now)) },
  { name: 'Runs', cell: ({ runs }) => countOf(runs), isNumber: true, isMinor: true },
  { name: 'Failures', cell: ({ failures }) => countOf(failures), isNumber: true },
]

/** What is done again and again, the failed first. */
export function Jobs({ at, jobs }: JobsBody) {
  const sorted = jobs.toSorted((one, other) => rankOf(one) - rankOf(other))
  return (
    <Table
      label="Jobs"
      columns={columnsAt(Date.parse(at))}
      rows={sorted}
      keyOf={({ name }) => name}
      errorOf={({ error }) => error ?? undefined}
    />
  )
}

function rankOf({ outcome, runsHere }: JobBody): number {
  if (outcome === 'failed') return 0
  return runsHere ? 1 : 2
}

function whereOf({ runsOn, runsHere }: JobBody): string {
  if (runsOn === 'each-server') return 'each server'
  return runsHere ? 'here, for all' : 'on another server'
}

function Result({ job }: { readonly job: JobBody }) {
  const { isRunning, outcome, done, runsHere } = job
  if (isRunning) return <>runs now</>
  if (outcome === null) return <>{runsHere ? 'has not run' : 'unknown here'}</>
  if (outcome === 'failed') return <span class={styles.failed}>failed</span>
  return <>{done === 0 || done === null ? 'nothing to do' : `${countOf(done)} done`}</>
}

function spanOf(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  return seconds < 3600 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`
}
