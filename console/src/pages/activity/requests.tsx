import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { Named, Page } from '../../api/bodies.ts'
import { api } from '../../api/client.ts'
import type { RequestBody } from '../../api/operating.ts'
import { me, pathTo } from '../../session.ts'
import { CopyButton } from '../../ui/copy.tsx'
import { type Column, Table } from '../../ui/table.tsx'
import { countOf, sizeOf } from '../../ui/text.tsx'
import styles from './activity.module.css'
import { outcomeOf } from './filter.ts'

export interface RequestsProps {
  readonly requests: readonly RequestBody[]
  /** Before any filter. */
  readonly total: number
  /** Of all organizations, which are then named. */
  readonly ofAll: boolean
}

const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})

const COLUMNS: readonly Column<RequestBody>[] = [
  {
    name: 'Time',
    cell: ({ at }) => (
      <time class={styles.time} dateTime={at}>
        {clock.format(new Date(at))}
      </time>
    ),
  },
  { name: 'Status', cell: (request) => <Status request={request} /> },
  {
    name: 'Request',
    cell: ({ method, route, fileId, organizationId }) => (
      <>
        <span class={styles.method}>{method}</span>{' '}
        <code class={styles.route}>{route === 'none' ? 'unknown address' : route}</code>
        {fileId !== null && organizationId === me.value?.organization.id && (
          <>
            {' '}
            <a href={pathTo(`files/${fileId}`)}>file</a>
          </>
        )}
      </>
    ),
  },
  { name: 'Through', cell: ({ dialect }) => dialect ?? '', isMinor: true },
  { name: 'Took', cell: ({ durationMs }) => tookOf(durationMs), isNumber: true, isMinor: true },
  { name: 'In', cell: ({ bytesIn }) => sizeOf(bytesIn), isNumber: true, isMinor: true },
  { name: 'Out', cell: ({ bytesOut }) => sizeOf(bytesOut), isNumber: true, isMinor: true },
]

export function Requests({ requests, total, ofAll }: RequestsProps) {
  const slugs = useSlugs(ofAll)
  const whose: Column<RequestBody> = {
    name: 'Organization',
    cell: ({ organizationId }) => <bdi>{slugs.get(organizationId ?? '') ?? 'nobody known'}</bdi>,
    isMinor: true,
  }
  return (
    <>
      <p class={styles.count}>
        {requests.length === total ? countOf(total) : `${countOf(requests.length)} of ${countOf(total)}`}{' '}
        shown, the newest first; the last 500 are kept
      </p>
      <Table
        label="Requests"
        columns={ofAll ? [...COLUMNS, whose] : COLUMNS}
        rows={requests}
        keyOf={({ requestId }) => requestId}
        actions={({ requestId }) => <CopyButton text={requestId} what="the request id, which the log has" />}
      />
    </>
  )
}

function Status({ request }: { readonly request: RequestBody }) {
  const { status, code, isComplete } = request
  return (
    <span class={styles.status} data-outcome={outcomeOf(request)}>
      {status ?? 'no answer'}
      {code !== null && <span class={styles.code}>{code}</span>}
      {status !== null && !isComplete && <span class={styles.code}>broke off</span>}
    </span>
  )
}

function tookOf(ms: number): string {
  return ms < 10_000 ? `${countOf(ms)} ms` : `${countOf(Math.round(ms / 1000))} s`
}

/** The names of organizations, which only operators can list. */
function useSlugs(isWanted: boolean): ReadonlyMap<string, string> {
  const slugs = useSignal<ReadonlyMap<string, string>>(new Map())
  useEffect(() => {
    if (!isWanted) return
    const leaving = new AbortController()
    const { signal } = leaving
    const found = api.get<Page<'organizations', Named>>('organizations', { query: { limit: 1000 }, signal })
    found.then(
      ({ organizations }) => {
        slugs.value = new Map(organizations.map(({ id, slug }) => [id, slug]))
      },
      // Without names the list works.
      () => {},
    )
    return () => leaving.abort()
  }, [isWanted, slugs])
  return slugs.value
}
