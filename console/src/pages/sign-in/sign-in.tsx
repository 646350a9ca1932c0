import { useEffect } from 'preact/hooks'
import { place } from '../../router.ts'
import { leaveSignIn, me } from '../../session.ts'
import { Icon, Logo } from '../../ui/icon.tsx'
import { useTitle } from '../../ui/page.tsx'
import { ProviderLink } from './provider-link.tsx'
import styles from './sign-in.module.css'
import { SignInForm } from './sign-in-form.tsx'

/** Why the provider sent somebody back; docs/oidc.md. */
const FAILURES: Readonly<Record<string, string>> = {
  oidc_unavailable: 'The sign-in service does not answer. Try again in a moment, or use a key.',
  oidc_expired:
    'That sign-in took too long, or was begun in another window or at another address. Try again.',
  oidc_refused: 'The sign-in service did not let you in.',
  oidc_no_group: 'Your account is in no group that may use this server. Ask its operator.',
  rate_limited: 'Too many failed sign-ins from your address. Try again in a moment.',
}

export function SignInPage() {
  useTitle('Sign in')
  const isSignedIn = me.value != null
  useEffect(() => {
    if (isSignedIn) leaveSignIn()
  }, [isSignedIn])
  const code = place.value.query.get('error')
  return (
    <main class={styles.page}>
      <div class={styles.column}>
        <h1 class={styles.title}>
          <Logo size={28} />
          Entrepot
        </h1>
        {code !== null && (
          <p class={styles.failure} role="alert">
            <Icon name="warning" />
            {FAILURES[code] ?? 'The sign-in failed. Try again.'}
          </p>
        )}
        <SignInForm />
        <ProviderLink />
        <FirstKey />
      </div>
    </main>
  )
}

function FirstKey() {
  return (
    <details class={styles.help}>
      <summary>Where do I find a key?</summary>
      <p>
        The first start of the server printed one. An admin makes more on the page Keys, and whoever runs the
        server makes one there with <code>entrepot key create</code>.
      </p>
    </details>
  )
}
