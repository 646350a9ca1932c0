import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { place, setQuery } from '../../router.ts'
import { mayChange } from '../../session.ts'
import { Button } from '../../ui/button.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Filters } from './filters.tsx'
import { filesQuery, isFiltered } from './query.ts'
import styles from './toolbar.module.css'

/** Long enough not to ask for each letter of a word. */
const TYPING_MS = 120

/** Title, search, filters, and the way in for new files. */
export function Toolbar({ onUpload }: { readonly onUpload: () => void }) {
  const isOpen = useSignal(isFiltered(filesQuery()))
  return (
    <header class={styles.toolbar}>
      <div class={styles.line}>
        <h1 class={styles.title}>Files</h1>
        <Search />
        <Button
          icon="filter"
          aria-expanded={isOpen.value}
          onClick={() => {
            isOpen.value = !isOpen.value
          }}
        >
          Filter
        </Button>
        {mayChange.value && (
          <Button kind="main" icon="upload" onClick={onUpload}>
            Upload
          </Button>
        )}
      </div>
      {isOpen.value && <Filters />}
    </header>
  )
}

/** `/` goes there from anywhere on the page, and the arrow on to what is found. */
function Search() {
  const input = useRef<HTMLInputElement>(null)
  const name = place.value.query.get('name') ?? ''
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => {
    // What is being typed is not taken back by what it led to.
    if (input.current !== null && document.activeElement !== input.current) input.current.value = name
  }, [name])
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target))
        return
      event.preventDefault()
      input.current?.select()
    }
    addEventListener('keydown', focus)
    return () => removeEventListener('keydown', focus)
  }, [])
  const search = (text: string) => {
    clearTimeout(timer.current)
    timer.current = setTimeout(() => setQuery({ name: text }), TYPING_MS)
  }
  return (
    <label class={styles.search}>
      <Icon name="search" />
      <input
        ref={input}
        type="search"
        class={styles.input}
        aria-label="Search by name or id"
        placeholder="Name or id"
        defaultValue={name}
        onInput={({ currentTarget }) => search(currentTarget.value)}
        onKeyDown={({ key }) => {
          if (key === 'ArrowDown') document.querySelector<HTMLElement>('[role=grid]')?.focus()
        }}
      />
      <kbd class={styles.key}>/</kbd>
    </label>
  )
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof Element &&
    target.closest('input:not([type=checkbox]), textarea, select, dialog') !== null
  )
}
