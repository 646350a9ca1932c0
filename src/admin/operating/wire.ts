import type { JobState } from '../../core/upkeep/job-state.ts'
import type { FinishedRequest } from '../../core/watch/request-tail.ts'
import { printTime, printTimeOrNull } from '../times.ts'
import type { Health } from './operating.ts'

/** As the schemas of this folder have it. */
export function toJobsBody(jobs: readonly JobState[], now: number) {
  return { at: printTime(now), jobs: jobs.map(toJobBody) }
}

function toJobBody({ startedAt, endedAt, ...job }: JobState) {
  return { ...job, startedAt: printTimeOrNull(startedAt), endedAt: printTimeOrNull(endedAt) }
}

export function toHealthBody({ at, server, nodes, ...health }: Health) {
  return {
    at: printTime(at),
    ...health,
    server: { ...server, startedAt: printTime(server.startedAt) },
    nodes: nodes.map((node) => ({ ...node, seenAt: printTime(node.seenAt) })),
  }
}

export function toRequestBody({ at, ...request }: FinishedRequest) {
  return { at: printTime(at), ...request }
}
