import type { JobState } from '../../core/upkeep/job-state.ts'
import type { FinishedRequest } from '../../core/watch/request-tail.ts'
import type { Health } from './operating.ts'

/** As the schemas of this folder have it. */
export function toJobsBody(jobs: readonly JobState[], now: number) {
  return { at: iso(now), jobs: jobs.map(toJobBody) }
}

function toJobBody({ startedAt, endedAt, ...job }: JobState) {
  return { ...job, startedAt: isoOrNull(startedAt), endedAt: isoOrNull(endedAt) }
}

export function toHealthBody({ at, server, nodes, ...health }: Health) {
  return {
    at: iso(at),
    ...health,
    server: { ...server, startedAt: iso(server.startedAt) },
    nodes: nodes.map((node) => ({ ...node, seenAt: iso(node.seenAt) })),
  }
}

export function toRequestBody({ at, ...request }: FinishedRequest) {
  return { at: iso(at), ...request }
}

function iso(at: number): string {
  return new Date(at).toISOString()
}

function isoOrNull(at: number | null): string | null {
  return at === null ? null : iso(at)
}
