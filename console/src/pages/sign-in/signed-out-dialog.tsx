import { hasEnded } from '../../session.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { ProviderLink } from './provider-link.tsx'
import { SignInForm } from './sign-in-form.tsx'

/** Stands over the page of somebody whose session has ended, so that nothing that was typed there is lost. */
export function SignedOutDialog() {
  const close = () => {
    hasEnded.value = false
  }
  return (
    <Dialog title="You are signed out" onClose={close}>
      <p>
        Your session has ended, or its key was revoked. Sign in again to go on where you were; for somebody
        else the page begins anew.
      </p>
      <SignInForm />
      <ProviderLink isApart />
    </Dialog>
  )
}
