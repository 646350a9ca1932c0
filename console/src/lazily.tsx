import { signal } from '@preact/signals'
import type { ComponentChildren, ComponentType } from 'preact'
import { ApiError, api } from './api/client.ts'
import { Failure } from './ui/failure.tsx'
import { PageFrame } from './ui/page.tsx'

/** Undefined: the server answers. */
async function whyUnreachable(): Promise<unknown> {
  return api.get('sign-in').then(
    () => undefined,
    (error: unknown) => error,
  )
}

/** A component whose code is loaded when it is first shown. */
export function lazily<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
  frame: (failure: ComponentChildren) => ComponentChildren = (failure) => failure,
): ComponentType<Props> {
  const loaded = signal<ComponentType<Props> | undefined>(undefined)
  const error = signal<unknown>(undefined)
  let isAsked = false
  const ask = async () => {
    isAsked = true
    try {
      loaded.value = await load()
    } catch {
      error.value =
        (await whyUnreachable()) ?? new ApiError({ detail: 'The server has another release by now.' })
    }
  }
  const retry = async () => {
    error.value = undefined
    error.value = await whyUnreachable()
    // A browser remembers what it could not load, and a newer release has other names for its parts.
    if (error.value === undefined) location.reload()
  }
  return function Lazy(props: Props) {
    if (!isAsked) void ask()
    const Component = loaded.value
    if (Component !== undefined) return <Component {...props} />
    if (error.value === undefined) return null
    return frame(<Failure error={error.value} retry={retry} />)
  }
}

/** A page whose code is loaded when it is first shown. */
export function lazyPage<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
): ComponentType<Props> {
  return lazily(load, (failure) => <PageFrame title="Entrepot">{failure}</PageFrame>)
}
