import { useSignal } from '@preact/signals'
import { ApiError } from '../../api/client.ts'
import { signIn } from '../../session.ts'
import { Button } from '../../ui/button.tsx'
import { reasonOf } from '../../ui/failure.tsx'
import { SecretField } from '../../ui/secret-field.tsx'
import styles from './sign-in.module.css'

/** Asks for a key, as password managers know it. What was typed stays whatever comes of it. */
export function SignInForm({ hint }: { readonly hint?: string }) {
  const key = useSignal('')
  const error = useSignal<string | undefined>(undefined)
  const isBusy = useSignal(false)
  const submit = async (event: Event) => {
    event.preventDefault()
    if (isBusy.value) return
    if (key.value.trim() === '') {
      error.value = 'Paste a key first.'
      return
    }
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
    <form onSubmit={submit} noValidate>
      {/* A password manager keeps a password for somebody. */}
      <input type="text" name="username" autocomplete="username" value={location.host} readOnly hidden />
      <SecretField
        label="API key"
        hint={hint}
        name="key"
        autocomplete="current-password"
        isFirst
        value={key.value}
        error={error.value}
        onText={(text) => {
          key.value = text
        }}
      />
      <Button kind="main" type="submit" isBusy={isBusy.value} class={styles.submit}>
        {isBusy.value ? 'Signing in…' : 'Sign in'}
      </Button>
    </form>
  )
}
