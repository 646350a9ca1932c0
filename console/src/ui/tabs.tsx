import type { ComponentChildren } from 'preact'
import { useId, useRef } from 'preact/hooks'
import styles from './tabs.module.css'

export interface Tab {
  readonly name: string
  readonly title: string
}

export interface TabsProps {
  /** Of the row of tabs. */
  readonly label: string
  readonly tabs: readonly Tab[]
  readonly chosen: string
  readonly onChoice: (name: string) => void
  /** What belongs to the chosen one. */
  readonly children: ComponentChildren
}

/** A row of tabs and, below it, the panel of the chosen one. Arrows, Home and End move. */
export function Tabs({ label, tabs, chosen, onChoice, children }: TabsProps) {
  const id = useId()
  const row = useRef<HTMLDivElement>(null)
  const at = tabs.findIndex(({ name }) => name === chosen)
  const choose = (index: number) => {
    const tab = tabs[(index + tabs.length) % tabs.length]
    if (tab === undefined) return
    onChoice(tab.name)
    row.current?.querySelectorAll('button')[tabs.indexOf(tab)]?.focus()
  }
  const moves: Readonly<Record<string, number>> = {
    ArrowLeft: at - 1,
    ArrowRight: at + 1,
    Home: 0,
    End: tabs.length - 1,
  }
  return (
    <>
      <div
        ref={row}
        class={styles.row}
        role="tablist"
        aria-label={label}
        onKeyDown={(event) => {
          const to = moves[event.key]
          if (to === undefined) return
          event.preventDefault()
          choose(to)
        }}
      >
        {tabs.map(({ name, title }) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`${id}-${name}`}
            class={styles.tab}
            aria-selected={name === chosen}
            aria-controls={`${id}-panel`}
            tabIndex={name === chosen ? 0 : -1}
            onClick={() => onChoice(name)}
          >
            {title}
          </button>
        ))}
      </div>
      <div id={`${id}-panel`} role="tabpanel" aria-labelledby={`${id}-${chosen}`} class={styles.panel}>
        {children}
      </div>
    </>
  )
}
