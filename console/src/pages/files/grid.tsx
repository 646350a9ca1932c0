import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { FileBody } from '../../api/bodies.ts'
import { Failure } from '../../ui/failure.tsx'
import { useVirtualRows, type VirtualRows } from '../../ui/virtual-rows.ts'
import type { FileAction } from './actions.ts'
import styles from './grid.module.css'
import { keyOf, type Pressed } from './grid-keys.ts'
import { Head } from './head.tsx'
import { Row, rowId } from './row.tsx'
import type { FilesView } from './view.ts'

const HEAD_PX = 34
const ROW_PX = 36
/** Two lines. */
const NARROW_ROW_PX = 60
const NARROW = matchMedia('(max-width: 47.99rem)')

/** A table whose rows can be walked through and chosen, as ARIA in HTML allows: its cells are grid cells then. */
const asGrid = (activeId: string | undefined) =>
  ({
    role: 'grid',
    tabIndex: 0,
    'aria-multiselectable': true,
    'aria-activedescendant': activeId,
  }) as const

export interface GridProps {
  readonly view: FilesView
  readonly act: (action: FileAction, files: readonly FileBody[]) => void
}

/** All files that match, of which the rows around those that are seen are in the document. */
export function Grid({ view, act }: GridProps) {
  const { list, selection } = view
  list.version.value
  const isNarrow = useNarrow()
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualRows({
    scroller,
    count: list.count,
    rowPx: isNarrow ? NARROW_ROW_PX : ROW_PX,
    headPx: isNarrow ? 0 : HEAD_PX,
  })
  const [first, last] = [virtual.rows[0]?.index ?? 0, virtual.rows.at(-1)?.index ?? 0]
  useEffect(() => list.want(first, last))
  const pick = (row: number, event: MouseEvent) => {
    // A link opens, a button acts.
    if (event.target instanceof Element && event.target.closest('a, button, label, [popover]')) return
    if (event.shiftKey) void selection.extendTo(row, event.ctrlKey || event.metaKey)
    else if (event.ctrlKey || event.metaKey) selection.toggle(row)
    else selection.only(row)
  }
  const active = selection.active.value
  const isActiveShown = virtual.rows.some(({ index }) => index === active)
  return (
    <div ref={scroller} class={styles.scroller}>
      <table
        {...asGrid(isActiveShown ? rowId(active) : undefined)}
        class={styles.grid}
        aria-label="Files"
        aria-rowcount={list.isWhole ? list.count + 1 : -1}
        aria-colcount={9}
        aria-busy={list.isLoading.value}
        style={{ height: `${virtual.totalPx}px` }}
        onKeyDown={(event) => press(event, view, virtual, act)}
        onFocus={() => {
          if (selection.active.value < 0) selection.moveTo(0)
        }}
      >
        <Head view={view} />
        <tbody>
          {virtual.rows.map(({ index, start }) => (
            <Row
              key={list.at(index)?.id ?? index}
              view={view}
              file={list.at(index)}
              row={index}
              startPx={start}
              act={act}
              onPick={pick}
            />
          ))}
        </tbody>
      </table>
      <Foot view={view} />
    </div>
  )
}

function useNarrow(): boolean {
  const isNarrow = useSignal(NARROW.matches)
  useEffect(() => {
    const update = () => {
      isNarrow.value = NARROW.matches
    }
    NARROW.addEventListener('change', update)
    return () => NARROW.removeEventListener('change', update)
  }, [isNarrow])
  return isNarrow.value
}

/** Where the list ends. */
function Foot({ view: { list } }: Pick<GridProps, 'view'>) {
  if (list.error.value !== undefined)
    return (
      <div class={styles.foot}>
        <Failure what="Files" error={list.error.value} retry={() => list.retry()} />
      </div>
    )
  if (list.isTooLong)
    return (
      <p class={styles.foot}>
        There are more than can be listed here. Search, filter, or turn the order round.
      </p>
    )
  return null
}

/** What is asked of all rows that are chosen, or of all that could be. */
const OF_TICKED: readonly Pressed[] = ['all', 'clear', 'delete']

function press(event: KeyboardEvent, view: FilesView, virtual: VirtualRows, act: GridProps['act']): void {
  const { list, selection } = view
  // Buttons and links in a row have keys of their own; who has just ticked a box goes on with what is ticked.
  const isInBox = event.target instanceof HTMLInputElement
  if (event.target !== event.currentTarget && !isInBox) return
  const active = Math.max(0, selection.active.value)
  const pressed = keyOf(event, { active, count: list.count, perPage: virtual.perPage })
  if (pressed === undefined || (isInBox && !OF_TICKED.includes(pressed))) return
  event.preventDefault()
  if (typeof pressed === 'object') {
    if (pressed.isRange) void selection.extendTo(pressed.row)
    else selection.moveTo(pressed.row)
    virtual.scrollTo(pressed.row)
  } else if (pressed === 'toggle') selection.toggle(active)
  else if (pressed === 'all') void view.selectAll()
  else if (pressed === 'clear') selection.clear()
  else actOnKey(pressed, view, act)
}

/** Opening and renaming are of the row of the keyboard; deleting is of what is chosen, else of that row. */
function actOnKey(action: FileAction, { list, selection }: FilesView, act: GridProps['act']): void {
  const file = list.at(Math.max(0, selection.active.value))
  const chosen = [...selection.files.value.values()]
  const files = action === 'delete' && chosen.length > 0 ? chosen : file === undefined ? [] : [file]
  if (files.length > 0) act(action, files)
}
