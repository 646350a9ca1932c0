import { useSignal } from '@preact/signals'
import type { KeyBody } from '../../access/bodies.ts'
import { loadPages } from '../../access/load-pages.ts'
import { chosenOrganization, OrganizationChooser, useOrganizations } from '../../access/organization.tsx'
import { api } from '../../api/client.ts'
import { useResource } from '../../api/resource.ts'
import { hasRole, me } from '../../session.ts'
import { Button } from '../../ui/button.tsx'
import { confirm } from '../../ui/confirm.tsx'
import { Empty } from '../../ui/empty.tsx'
import { Failure, reasonOf } from '../../ui/failure.tsx'
import { PageFrame } from '../../ui/page.tsx'
import { type Column, Table } from '../../ui/table.tsx'
import { fromNow, Name, Time } from '../../ui/text.tsx'
import { toast } from '../../ui/toast.tsx'
import styles from './keys.module.css'
import { NewKey } from './new-key.tsx'

const PAGE = 100

const columns: readonly Column<KeyBody>[] = [
  { name: 'Name', cell: (key) => <KeyName {...key} /> },
  { name: 'Role', cell: ({ role }) => <span class={styles.word}>{role}</span> },
  {
    name: 'Projects',
    cell: ({ projects }) => projects.map(({ slug }) => slug).join(', '),
    isMinor: true,
  },
  {
    name: 'Scopes',
    cell: ({ scopes }) => scopes.map((scope) => scope.slice(6)).join(', ') || 'all',
    isMinor: true,
  },
  { name: 'Made', cell: ({ createdAt }) => <Time iso={createdAt} />, isMinor: true },
  { name: 'Ends', cell: (key) => <End {...key} /> },
]

/** The keys of an organization: made, listed without their secrets, revoked. */
export function KeysPage() {
  const organizations = useOrganizations()
  const isMaking = useSignal(false)
  const showsEnded = useSignal(false)
  const pages = useSignal(1)
  const errors = useSignal<Readonly<Record<string, string>>>({})
  const { value, error, reload } = useResource((signal) => {
    const query = { organization: chosenOrganization(), limit: PAGE }
    return loadPages<KeyBody>('keys', pages.value, { query, signal })
  })
  const revoke = async (key: KeyBody) => {
    if (!(await asksToRevoke(key))) return
    const reason = await api.delete(`keys/${key.id}`).catch(reasonOf)
    errors.value = { ...errors.value, [key.id]: reason ?? '' }
    if (reason === undefined) toast({ text: `${key.name} is revoked.` })
    reload()
  }
  const all = value.value?.items ?? []
  const shown = showsEnded.value ? all : all.filter((key) => !hasEnded(key))
  return (
    <PageFrame
      title="Keys"
      actions={
        <>
          <OrganizationChooser organizations={organizations} />
          <Button kind="main" icon="plus" onClick={() => (isMaking.value = true)}>
            New key
          </Button>
        </>
      }
    >
      <label class={styles.filter}>
        <input
          type="checkbox"
          checked={showsEnded.value}
          onChange={({ currentTarget }) => {
            showsEnded.value = currentTarget.checked
          }}
        />
        Show keys that are revoked or have ended
      </label>
      {error.value !== undefined && <Failure what="Keys" error={error.value} retry={reload} />}
      {value.value &&
        shown.length === 0 &&
        (value.value.hasMore ? <NoneYet count={all.length} /> : <NoKeys />)}
      {shown.length > 0 && (
        <Table
          label="Keys"
          columns={columns}
          rows={shown}
          keyOf={({ id }) => id}
          errorOf={({ id }) => errors.value[id]}
          actions={(key) => mayRevoke(key) && <RevokeButton keyBody={key} revoke={revoke} />}
        />
      )}
      {value.value?.hasMore && (
        <Button class={styles.more} onClick={() => pages.value++}>
          Show more
        </Button>
      )}
      {isMaking.value && (
        <NewKey
          organization={chosenOrganization()}
          onMade={reload}
          onClose={() => {
            isMaking.value = false
          }}
        />
      )}
    </PageFrame>
  )
}

function KeyName({ id, name, user, fidelity }: KeyBody) {
  const about = [
    user === null ? '' : `for ${user}`,
    fidelity === null ? '' : fidelity,
    id === me.value?.key?.id ? 'you are signed in with it' : '',
  ]
  return (
    <>
      <Name text={name} />
      <div class={styles.about}>
        <bdi>{about.filter(Boolean).join(' · ')}</bdi>
      </div>
    </>
  )
}

function End({ expiresAt, revokedAt }: KeyBody) {
  if (revokedAt !== null) return <span class={styles.ended}>revoked {fromNow(revokedAt)}</span>
  if (expiresAt === null) return <span class={styles.word}>never</span>
  if (Date.parse(expiresAt) <= Date.now()) return <span class={styles.ended}>ended {fromNow(expiresAt)}</span>
  return <span title={expiresAt}>{fromNow(expiresAt)}</span>
}

/** Older ones may be valid. */
function NoneYet({ count }: { readonly count: number }) {
  return <p>None of the newest {count} keys is valid any more.</p>
}

function NoKeys() {
  return (
    <Empty title="No valid key here">
      <p>
        Programs and people use the files of a project with a key. Its secret is shown once, when it is made.
      </p>
    </Empty>
  )
}

function RevokeButton({
  keyBody,
  revoke,
}: {
  readonly keyBody: KeyBody
  readonly revoke: (key: KeyBody) => Promise<void>
}) {
  return (
    <Button
      kind="quiet"
      icon="trash"
      aria-label={`Revoke ${keyBody.name}`}
      onClick={() => void revoke(keyBody)}
    />
  )
}

function asksToRevoke({ id, name, role }: KeyBody): Promise<boolean> {
  const isOwn = id === me.value?.key?.id
  return confirm({
    title: `Revoke ${name}?`,
    body: (
      <p>
        Whatever uses it is refused from now on, and its sessions end{isOwn && ', this one, too'}. This cannot
        be taken back.
        {isOwn && role === 'operator' && (
          <>
            {' '}
            If there is no other operator, <code>entrepot key create --operator</code> on the server makes
            one.
          </>
        )}
      </p>
    ),
    action: 'Revoke',
    isDanger: true,
  })
}

function hasEnded({ revokedAt, expiresAt }: KeyBody): boolean {
  return revokedAt !== null || (expiresAt !== null && Date.parse(expiresAt) <= Date.now())
}

/** Nobody ends the key of somebody who may more. */
function mayRevoke(key: KeyBody): boolean {
  return !hasEnded(key) && hasRole(key.role)
}
