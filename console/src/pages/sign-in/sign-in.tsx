import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { ApiError } from '../../api/client.ts'
import { leaveSignIn, me, signIn } from '../../session.ts'
import { Button } from '../../ui/button.tsx'
import { reasonOf } from '../../ui/failure.tsx'
import { TextField } from '../../ui/field.tsx'
import { Logo } from '../../ui/icon.tsx'
import { useTitle } from '../../ui/page.tsx'
import styles from './sign-in.module.css'

export function SignInPage() {
  const key = useSignal('')
  const error = useSignal<string | undefined>(undefined)
  const isBusy = useSignal(false)
  useTitle('Sign in')
  const isSignedIn = me.value != null
  useEffect(() => {
    if (isSignedIn) leaveSignIn()
  }, [isSignedIn])
  const submit = async (event: Event) => {
    event.preventDefault()
    isBusy.value = true
    error.value = undefined
    await signIn(key.value.trim()).catch((reason: unknown) => {
      const isWrong = reason instanceof ApiError && reason.status === 401
      error.value = isWrong
        ? 'This key is not good here: it may be wrong, revoked or expired.'
        : reasonOf(reason)
    })
    isBusy.value = false
  }
  return (
    <main class={styles.page}>
      <form class={styles.form} onSubmit={submit}>
        <h1 class={styles.title}>
          <Logo size={28} />
          Entrepot
        </h1>
        <TextField
          label="API key"
          hint="Its operator makes one with “entrepot key create”."
          type="password"
          name="key"
          autocomplete="current-password"
          isRequired
          value={key.value}
          error={error.value}
          onText={(text) => {
            key.value = text
          }}
        />
        <Button kind="main" type="submit" isBusy={isBusy.value} class={styles.submit}>
          Sign in
        </Button>
      </form>
    </main>
  )
}
