import { effect, signal } from '@preact/signals'

export const THEMES = ['auto', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]
const KEY = 'entrepot.theme'

/** `auto` follows the system. */
export const theme = signal<Theme>(kept())

function kept(): Theme {
  try {
    const value = localStorage.getItem(KEY)
    return THEMES.find((each) => each === value) ?? 'auto'
  } catch {
    // Storage may be forbidden.
    return 'auto'
  }
}

/** Shows the theme, and keeps it for the next visit. */
export function startTheme(): void {
  effect(() => {
    document.documentElement.dataset.theme = theme.value
    try {
      localStorage.setItem(KEY, theme.value)
    } catch {
      // Then it lasts as long as the document.
    }
  })
}
