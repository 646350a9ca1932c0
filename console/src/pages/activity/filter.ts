import type { RequestBody } from '../../api/operating.ts'

export type Outcome = '' | 'ok' | 'failed' | 'fault'

export interface TailFilter {
  readonly outcome: Outcome
  /** The name of an API; empty: any. */
  readonly dialect: string
  /** A part of anything that is shown of a request. */
  readonly text: string
}

/** Codes of calls that are this server's fault, as statuses from 500 on are. */
const FAULTS = ['INTERNAL', 'UNAVAILABLE', 'UNKNOWN', 'DATA_LOSS', 'DEADLINE_EXCEEDED']

export function outcomeOf({ status, isComplete }: RequestBody): 'ok' | 'failed' | 'fault' {
  if (status === null || !isComplete) return 'failed'
  if (typeof status === 'string') return status === 'OK' ? 'ok' : FAULTS.includes(status) ? 'fault' : 'failed'
  return status < 400 ? 'ok' : status < 500 ? 'failed' : 'fault'
}

export function filterRequests(
  requests: readonly RequestBody[],
  { outcome, dialect, text }: TailFilter,
): readonly RequestBody[] {
  const part = text.trim().toLowerCase()
  return requests.filter((request) => {
    const is = outcomeOf(request)
    if (outcome !== '' && is !== outcome && !(outcome === 'failed' && is === 'fault')) return false
    if (dialect !== '' && request.dialect !== dialect) return false
    return part === '' || textOf(request).includes(part)
  })
}

function textOf({ method, route, status, code, requestId, fileId, keyId }: RequestBody): string {
  return [method, route, status, code, requestId, fileId, keyId].join(' ').toLowerCase()
}

/** The APIs through which these came. */
export function dialectsIn(requests: readonly RequestBody[]): readonly string[] {
  return [...new Set(requests.map(({ dialect }) => dialect).filter((dialect) => dialect !== null))].sort()
}
