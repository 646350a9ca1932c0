import { useSignal } from '@preact/signals'
import type { ComponentChildren, RefObject } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'
import { Button, type ButtonKind } from './button.tsx'
import { Icon, type IconName } from './icon.tsx'
import styles from './menu.module.css'

export interface MenuItem {
  readonly label: string
  readonly icon?: IconName
  readonly isDanger?: boolean
  /** Of a choice; undefined: it is no choice. */
  readonly isChosen?: boolean
  readonly onSelect: () => void
}

export interface MenuProps {
  /** Of the button; it has no text where there are no `children`. */
  readonly label: string
  readonly icon?: IconName
  readonly kind?: ButtonKind
  readonly items: readonly MenuItem[]
  readonly children?: ComponentChildren
}

const GAP_PX = 4

/** A button with a list of things to do. Arrows, Home, End and first letters move; Escape and a click beside it close. */
export function Menu({ label, icon, kind = 'quiet', items, children }: MenuProps) {
  const id = useId()
  const isOpen = useSignal(false)
  const holder = useRef<HTMLSpanElement>(null)
  return (
    <span ref={holder} class={styles.holder}>
      <Button
        kind={kind}
        {...(icon === undefined ? {} : { icon })}
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={isOpen.value}
        aria-controls={isOpen.value ? id : undefined}
        onClick={() => {
          isOpen.value = true
        }}
      >
        {children}
      </Button>
      {isOpen.value && (
        <MenuList
          id={id}
          label={label}
          items={items}
          holder={holder}
          onClose={() => {
            isOpen.value = false
          }}
        />
      )}
    </span>
  )
}

interface MenuListProps extends Pick<MenuProps, 'label' | 'items'> {
  readonly id: string
  /** Of the button. */
  readonly holder: RefObject<HTMLElement | null>
  readonly onClose: () => void
}

/** Is there while it is open: pages have a menu in each of many rows. */
function MenuList({ id, label, items, holder, onClose }: MenuListProps) {
  const list = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    const opener = holder.current?.firstElementChild
    if (list.current === null || opener == null) return
    list.current.showPopover()
    place(list.current, opener.getBoundingClientRect())
    buttonsIn(list.current)[0]?.focus()
  }, [holder])
  return (
    <div
      ref={list}
      id={id}
      role="menu"
      tabIndex={-1}
      aria-label={label}
      popover="auto"
      class={styles.menu}
      onKeyDown={move}
      onToggle={({ newState }) => newState === 'closed' && onClose()}
    >
      {items.map((item) => (
        <MenuRow key={item.label} {...item} close={() => list.current?.hidePopover()} />
      ))}
    </div>
  )
}

function MenuRow({
  label,
  icon,
  isDanger = false,
  isChosen,
  onSelect,
  close,
}: MenuItem & { readonly close: () => void }) {
  const select = () => {
    close()
    onSelect()
  }
  const own = { class: isDanger ? styles.danger : styles.item, onClick: select }
  const content = (
    <>
      <span class={styles.icon}>
        {isChosen ? <Icon name="check" /> : icon !== undefined && <Icon name={icon} />}
      </span>
      {label}
    </>
  )
  if (isChosen === undefined)
    return (
      <button type="button" role="menuitem" tabIndex={-1} {...own}>
        {content}
      </button>
    )
  return (
    <button type="button" role="menuitemradio" aria-checked={isChosen} tabIndex={-1} {...own}>
      {content}
    </button>
  )
}

/** Below the button, or above where there is no room. */
function place(list: HTMLElement, button: DOMRect): void {
  const { width, height } = list.getBoundingClientRect()
  const below = button.bottom + GAP_PX
  const top = below + height > innerHeight ? Math.max(GAP_PX, button.top - height - GAP_PX) : below
  const left = button.left + width > innerWidth - GAP_PX ? button.right - width : button.left
  list.style.top = `${top}px`
  list.style.left = `${Math.max(GAP_PX, left)}px`
}

function buttonsIn(list: Element): HTMLElement[] {
  return [...list.querySelectorAll<HTMLElement>('[role^=menuitem]')]
}

function move(event: KeyboardEvent & { readonly currentTarget: Element }): void {
  const buttons = buttonsIn(event.currentTarget)
  const at = buttons.indexOf(document.activeElement as HTMLElement)
  const next = targetOf(event.key, at, buttons)
  if (next === undefined) return
  event.preventDefault()
  next.focus()
}

function targetOf(key: string, at: number, buttons: readonly HTMLElement[]): HTMLElement | undefined {
  if (key === 'ArrowDown') return buttons[(at + 1) % buttons.length]
  if (key === 'ArrowUp') return buttons.at(at - 1)
  if (key === 'Home') return buttons[0]
  if (key === 'End') return buttons.at(-1)
  if (key.length !== 1) return undefined
  const startsSo = (button: HTMLElement) =>
    button.textContent.trim().toLowerCase().startsWith(key.toLowerCase())
  return [...buttons.slice(at + 1), ...buttons].find(startsSo)
}
