import { lazily } from './lazily.tsx'
import { UploadsEverywhere } from './pages/uploads/everywhere.tsx'
import { type PageEntry, pageAt } from './pages.ts'
import { place } from './router.ts'
import { hasEnded, hasRole, loadMe, me, meError } from './session.ts'
import { Shell } from './shell/shell.tsx'
import { Confirm } from './ui/confirm.tsx'
import { Empty } from './ui/empty.tsx'
import { Failure } from './ui/failure.tsx'
import { PageFrame } from './ui/page.tsx'
import { Toasts } from './ui/toast.tsx'

const SignedOutDialog = lazily(
  async () => (await import('./pages/sign-in/signed-out-dialog.tsx')).SignedOutDialog,
)

export function App() {
  return (
    <>
      <Current />
      <Confirm />
      {hasEnded.value && <SignedOutDialog />}
      <Toasts />
    </>
  )
}

function Current() {
  const found = pageAt(place.value.path)
  if (found?.entry.isPublic) return <found.entry.page id={found.id} />
  if (meError.value !== undefined)
    return (
      <PageFrame title="Entrepot">
        <Failure error={meError.value} retry={() => void loadMe()} />
      </PageFrame>
    )
  // The first answer says who is signed in, or leads to the sign-in.
  if (me.value == null) return null
  return (
    <>
      <Shell>{found === undefined ? <Unknown /> : <Allowed {...found} />}</Shell>
      <UploadsEverywhere />
    </>
  )
}

function Allowed({ entry, id }: { readonly entry: PageEntry; readonly id: string }) {
  if (entry.role === undefined || hasRole(entry.role))
    return <entry.page key={`${entry.path} ${id}`} id={id} />
  return (
    <PageFrame title={entry.title}>
      <Empty title="Not for your role">
        <p>
          This page needs the role {entry.role}, and yours is {me.value?.role}.
        </p>
      </Empty>
    </PageFrame>
  )
}

function Unknown() {
  return (
    <PageFrame title="No such page">
      <Empty title="There is nothing at this address">
        <a href="./">To the files</a>
      </Empty>
    </PageFrame>
  )
}
