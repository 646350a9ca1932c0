import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { pageAt, pages } from '../pages.ts'
import { place } from '../router.ts'
import { hasRole, pathTo } from '../session.ts'
import { Button } from '../ui/button.tsx'
import { Icon, Logo } from '../ui/icon.tsx'
import { Account } from './account.tsx'
import { ProjectChooser } from './project-chooser.tsx'
import styles from './shell.module.css'

/** The navigation and, beside it, a page. On a narrow screen the navigation is a drawer below a bar. */
export function Shell({ children }: { readonly children: ComponentChildren }) {
  const main = useRef<HTMLElement>(null)
  return (
    <div class={styles.shell}>
      <button type="button" class={styles.skip} onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <Bar />
      <div class={styles.side}>
        <Navigation />
      </div>
      <main ref={main} class={styles.main} tabIndex={-1}>
        {children}
      </main>
    </div>
  )
}

function Navigation() {
  const shown = pages.filter(({ icon, role }) => icon !== undefined && (role === undefined || hasRole(role)))
  const current = pageAt(place.value.path)?.entry.path.split('/')[0]
  return (
    <div class={styles.navigation}>
      <a href={pathTo('')} class={styles.brand}>
        <Logo />
        Entrepot
      </a>
      <ProjectChooser />
      <nav aria-label="Pages">
        <ul class={styles.pages}>
          {shown.map(({ path, title, icon = 'files' }) => {
            const isCurrent = path === current || (path === '' && current === 'files')
            return (
              <li key={path}>
                <a href={pathTo(path)} class={styles.page} aria-current={isCurrent ? 'page' : undefined}>
                  <Icon name={icon} />
                  {title}
                </a>
              </li>
            )
          })}
        </ul>
      </nav>
      <Account />
    </div>
  )
}

/** On a narrow screen. */
function Bar() {
  const isOpen = useSignal(false)
  return (
    <header class={styles.bar}>
      <Button
        kind="quiet"
        icon="menu"
        aria-label="Menu"
        onClick={() => {
          isOpen.value = true
        }}
      />
      <a href={pathTo('')} class={styles.brand}>
        <Logo />
        Entrepot
      </a>
      {isOpen.value && (
        <Drawer
          onClose={() => {
            isOpen.value = false
          }}
        />
      )}
    </header>
  )
}

function Drawer({ onClose }: { readonly onClose: () => void }) {
  const element = useRef<HTMLDialogElement>(null)
  const opened = useRef(place.value)
  useEffect(() => {
    const dialog = element.current
    dialog?.showModal()
    return () => dialog?.close()
  }, [])
  // Where one goes, one wants to see.
  const isElsewhere = opened.current !== place.value
  useEffect(() => {
    if (isElsewhere) onClose()
  }, [isElsewhere, onClose])
  return (
    <dialog ref={element} class={styles.drawer} aria-label="Menu" closedby="any" onClose={onClose}>
      <Button kind="quiet" icon="close" aria-label="Close menu" class={styles.closer} onClick={onClose} />
      <Navigation />
    </dialog>
  )
}
