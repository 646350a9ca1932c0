/** What a key asks of the grid. */
export type Pressed =
  | { readonly row: number; readonly isRange: boolean }
  | 'toggle'
  | 'all'
  | 'clear'
  | 'open'
  | 'rename'
  | 'delete'

export interface GridState {
  readonly active: number
  readonly count: number
  readonly perPage: number
}

type Key = Pick<KeyboardEvent, 'key' | 'shiftKey' | 'ctrlKey' | 'metaKey' | 'altKey'>

/** Undefined: the key is not the grid's. */
export function keyOf(
  { key, shiftKey, ctrlKey, metaKey, altKey }: Key,
  state: GridState,
): Pressed | undefined {
  if (altKey) return undefined
  if (ctrlKey || metaKey) return key.toLowerCase() === 'a' ? 'all' : undefined
  const row = rowOf(key, state)
  if (row !== undefined) return { row: Math.max(0, Math.min(row, state.count - 1)), isRange: shiftKey }
  if (key === ' ') return 'toggle'
  if (key === 'Escape') return 'clear'
  if (key === 'Enter') return 'open'
  if (key === 'F2') return 'rename'
  return key === 'Delete' || key === 'Backspace' ? 'delete' : undefined
}

function rowOf(key: string, { active, count, perPage }: GridState): number | undefined {
  switch (key) {
    case 'ArrowDown':
      return active + 1
    case 'ArrowUp':
      return active - 1
    case 'PageDown':
      return active + perPage
    case 'PageUp':
      return active - perPage
    case 'Home':
      return 0
    case 'End':
      return count - 1
    default:
      return undefined
  }
}
