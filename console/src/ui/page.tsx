import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import styles from './page.module.css'

export interface PageFrameProps {
  readonly title: string
  /** Beside the title. */
  readonly actions?: ComponentChildren
  readonly children: ComponentChildren
}

/** Of the document, for a page that is in no `PageFrame`. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Entrepot`
  }, [title])
}

/** What every page stands in: its title, which is the document's too, and what can be done on it. */
export function PageFrame({ title, actions, children }: PageFrameProps) {
  useTitle(title)
  return (
    <div class={styles.page}>
      <header class={styles.head}>
        <h1 class={styles.title}>
          <bdi>{title}</bdi>
        </h1>
        {actions && <div class={styles.actions}>{actions}</div>}
      </header>
      {children}
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
