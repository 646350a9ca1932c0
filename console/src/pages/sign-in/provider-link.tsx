import type { SignInWays } from '../../api/bodies.ts'
import { api } from '../../api/client.ts'
import { useResource } from '../../api/resource.ts'
import { here } from '../../session.ts'
import styles from './sign-in.module.css'

/**
 * Leads to the OpenID provider, if there is one, and from there back to where one was.
 * @param isApart in a window of its own, so that this one stays as it is
 */
export function ProviderLink({ isApart = false }: { readonly isApart?: boolean }) {
  const { value } = useResource((signal) => api.get<SignInWays>('sign-in', { signal }))
  const oidc = value.value?.oidc
  if (oidc == null) return null
  const url = new URL(`../${oidc.path}`, document.baseURI)
  url.searchParams.set('return', `/console/${here()}`)
  return (
    <>
      <p class={styles.or}>or</p>
      <a href={url.href} class={styles.provider} target={isApart ? '_blank' : undefined}>
        Sign in with <bdi>{oidc.label}</bdi>
      </a>
    </>
  )
}
