import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { Button } from './button.tsx'
import styles from './page.module.css'

export interface PageFrameProps {
  readonly title: string
  /** Beside the title. */
  readonly actions?: ComponentChildren
  readonly children: ComponentChildren
}

/** They would turn what stands behind a title round, too. */
const DIRECTIONS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** Of the document, for a page that is in no `PageFrame`. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title.replace(DIRECTIONS, '')} · Entrepot`
  }, [title])
}

/** What every page stands in: its title, which is the document's too, and what can be done on it. */
export function PageFrame({ title, actions, children }: PageFrameProps) {
  useTitle(title)
  return (
    <div class={styles.page}>
      <header class={styles.head}>
        <Title text={title} />
        {actions && <div class={styles.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  )
}

/** A few lines of it, since a name of 3,000 characters hides all else; whole on request. */
function Title({ text }: { readonly text: string }) {
  const heading = useRef<HTMLHeadingElement>(null)
  const isCut = useSignal(false)
  const isWhole = useSignal(false)
  useLayoutEffect(() => {
    isWhole.value = false
    const { scrollHeight = 0, clientHeight = 0 } = heading.current ?? {}
    isCut.value = scrollHeight > clientHeight
  }, [text, isCut, isWhole])
  return (
    <div class={styles.title}>
      <h1 ref={heading} class={isWhole.value ? undefined : styles.clamped}>
        <bdi>{text}</bdi>
      </h1>
      {isCut.value && (
        <Button
          kind="quiet"
          class={styles.more}
          aria-expanded={isWhole.value}
          onClick={() => {
            isWhole.value = !isWhole.value
          }}
        >
          {isWhole.value ? 'Less' : 'Whole name'}
        </Button>
      )}
    </div>
  )
}

/** A part of a page under a heading of its own. */
export function Section({
  title,
  actions,
  children,
}: {
  readonly title: string
  readonly actions?: ComponentChildren
  readonly children: ComponentChildren
}) {
  return (
    <section class={styles.section} aria-label={title}>
      <header class={styles.head}>
        <h2 class={styles.title}>{title}</h2>
        {actions && <div class={styles.actions}>{actions}</div>}
      </header>
      {children}
    </section>
  )
}
