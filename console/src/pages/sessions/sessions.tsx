import { useSignal } from '@preact/signals'
import type { Page, SessionBody } from '../../api/bodies.ts'
import { api } from '../../api/client.ts'
import { useResource } from '../../api/resource.ts'
import { hasRole, me, signOut } from '../../session.ts'
import { Button } from '../../ui/button.tsx'
import { confirm } from '../../ui/confirm.tsx'
import { Failure, reasonOf } from '../../ui/failure.tsx'
import { PageFrame } from '../../ui/page.tsx'
import { type Column, Table } from '../../ui/table.tsx'
import { fromNow, Name, Time } from '../../ui/text.tsx'
import { toast } from '../../ui/toast.tsx'
import { browserName } from './browser-name.ts'
import styles from './sessions.module.css'

const MAX_ROWS = 500

/** Who is signed in, where, and since when; one of them is this page's. */
export function SessionsPage() {
  const faults = useSignal<Readonly<Record<string, string>>>({})
  const loaded = useResource((signal) =>
    api.get<Page<'sessions', SessionBody>>('sessions', { query: { limit: MAX_ROWS }, signal }),
  )
  const end = async (session: SessionBody) => {
    if (!(await askToEnd(session))) return
    try {
      if (session.isCurrent) return await signOut()
      await api.delete(`sessions/${session.id}`)
      toast({ text: `Ended the session of ${holderOf(session)}.` })
      loaded.reload()
    } catch (error) {
      faults.value = { ...faults.value, [session.id]: reasonOf(error) }
    }
  }
  const page = loaded.value.value
  const rows = [...(page?.sessions ?? [])].sort(byLastSeen)
  return (
    <PageFrame title="Sessions">
      <p class={styles.about}>
        {hasRole('admin')
          ? `Browsers that are signed in to ${me.value?.organization.slug}.`
          : 'Browsers in which you are signed in.'}{' '}
        End one that you do not know, and {hasRole('admin') ? 'revoke its key' : 'have its key revoked'}.
      </p>
      {loaded.error.value !== undefined && (
        <Failure what="Sessions" error={loaded.error.value} retry={loaded.reload} />
      )}
      {page !== undefined && (
        <Table
          label="Sessions"
          columns={columnsAt(serverNow(rows))}
          rows={rows}
          keyOf={({ id }) => id}
          errorOf={({ id }) => faults.value[id]}
          actions={(session) => (
            <Button
              kind="quiet"
              aria-label={`${verbOf(session)}: ${holderOf(session)}, ${browserOf(session)}`}
              onClick={() => void end(session)}
            >
              {verbOf(session)}
            </Button>
          )}
        />
      )}
      {page?.next != null && <p class={styles.more}>There are more, which end sooner.</p>}
    </PageFrame>
  )
}

function byLastSeen(one: SessionBody, other: SessionBody): number {
  if (one.isCurrent !== other.isCurrent) return one.isCurrent ? -1 : 1
  return (other.lastSeenAt ?? '') < (one.lastSeenAt ?? '') ? -1 : 1
}

function askToEnd(session: SessionBody): Promise<boolean> {
  if (session.isCurrent)
    return confirm({
      title: 'Sign out?',
      body: <p>This browser is signed out. What was not saved here is lost.</p>,
      action: 'Sign out',
    })
  return confirm({
    title: 'End this session?',
    body: (
      <p>
        <Name text={holderOf(session)} /> is signed out in {browserOf(session)} at once, and can sign in again
        while the key or account is good.
      </p>
    ),
    action: 'End session',
    isDanger: true,
  })
}

function verbOf({ isCurrent }: SessionBody): string {
  return isCurrent ? 'Sign out' : 'End'
}

function holderOf({ user, key }: SessionBody): string {
  return user ?? key?.name ?? 'somebody'
}

function browserOf({ userAgent }: SessionBody): string {
  return userAgent === null ? 'an unknown browser' : browserName(userAgent)
}

const columnsAt = (now: number): readonly Column<SessionBody>[] => [
  {
    name: 'Who',
    cell: (session) => (
      <>
        <Name text={holderOf(session)} />
        {session.isCurrent && <span class={styles.current}>this browser</span>}
        <span class={styles.below}>{browserOf(session)}</span>
      </>
    ),
  },
  {
    name: 'Signed in with',
    cell: ({ key }) => (key === null ? 'an account' : <bdi>{key.name}</bdi>),
    isMinor: true,
  },
  {
    name: 'Browser',
    cell: (session) => <span title={session.userAgent ?? undefined}>{browserOf(session)}</span>,
    isMinor: true,
  },
  {
    name: 'Since',
    cell: ({ startedAt }) => (startedAt === null ? '' : <Time iso={startedAt} />),
    isMinor: true,
  },
  { name: 'Last seen', cell: (session) => seenOf(session, now) },
  { name: 'Ends', cell: ({ expiresAt }) => fromNow(expiresAt, now), isMinor: true },
]

/** The server writes down that a session was seen at most once in five minutes. */
const SEEN_MS = 5 * 60_000

/** In ms. The clock of this machine may be wrong; the server saw this page's session a moment ago. */
function serverNow(sessions: readonly SessionBody[]): number {
  const seenAt = Date.parse(sessions.find(({ isCurrent }) => isCurrent)?.lastSeenAt ?? '')
  const isRight = !(Date.now() < seenAt || Date.now() > seenAt + SEEN_MS)
  return isRight ? Date.now() : seenAt
}

function seenOf({ lastSeenAt, isCurrent }: SessionBody, now: number): string {
  if (isCurrent) return 'now'
  if (lastSeenAt === null) return ''
  return now - Date.parse(lastSeenAt) <= SEEN_MS ? 'just now' : fromNow(lastSeenAt, now)
}
