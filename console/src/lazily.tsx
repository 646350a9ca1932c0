import { signal } from '@preact/signals'
import type { ComponentType } from 'preact'
import { Failure } from './ui/failure.tsx'
import { PageFrame } from './ui/page.tsx'

/** A component whose code is loaded when it is first shown. */
export function lazily<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
): ComponentType<Props> {
  const loaded = signal<ComponentType<Props> | undefined>(undefined)
  const error = signal<unknown>(undefined)
  let isAsked = false
  const ask = async () => {
    isAsked = true
    try {
      loaded.value = await load()
    } catch (reason) {
      error.value = reason
    }
  }
  return function Lazy(props: Props) {
    if (!isAsked) void ask()
    const Component = loaded.value
    if (Component !== undefined) return <Component {...props} />
    if (error.value === undefined) return null
    // A newer release has other names for its parts: the document has to be loaded again, too.
    return (
      <PageFrame title="Entrepot">
        <Failure error={error.value} retry={() => location.reload()} />
      </PageFrame>
    )
  }
}
