import type { ButtonHTMLAttributes, ComponentChildren } from 'preact'
import styles from './button.module.css'
import { Icon, type IconName } from './icon.tsx'

/** `main`: the one thing to do here. `danger`: what cannot be undone. `quiet`: without a frame, in rows and bars. */
export type ButtonKind = 'main' | 'plain' | 'quiet' | 'danger'

type Own = 'icon' | 'size' | 'loading'

export interface ButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, Own> {
  readonly kind?: ButtonKind
  readonly icon?: IconName
  /** It is doing what it says: it cannot be pressed, and keeps the focus. */
  readonly isBusy?: boolean
  readonly children?: ComponentChildren
}

/** Without text it needs an `aria-label`. */
export function Button({
  kind = 'plain',
  icon,
  isBusy = false,
  children,
  class: given,
  onClick,
  ...rest
}: ButtonProps) {
  const own = [styles.button, styles[kind], children === undefined ? styles.square : '', given]
  return (
    <button
      type="button"
      {...rest}
      class={own.filter(Boolean).join(' ')}
      aria-disabled={isBusy || undefined}
      aria-busy={isBusy || undefined}
      onClick={isBusy ? (event) => event.preventDefault() : onClick}
    >
      {icon !== undefined && <Icon name={icon} />}
      {children}
    </button>
  )
}
