import { useSignal } from '@preact/signals'
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from '@tanstack/virtual-core'
import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'

/** More than are seen, so that fast scrolling shows few gaps. */
const OVERSCAN = 12

export interface VirtualRowsOptions {
  readonly scroller: RefObject<HTMLElement | null>
  readonly count: number
  readonly rowPx: number
  /** What stays above the rows while they scroll. */
  readonly headPx: number
}

/** Which rows of many are to be in the document, for rows of one height. */
export interface VirtualRows {
  readonly rows: readonly { readonly index: number; readonly start: number }[]
  readonly totalPx: number
  /** How many rows fit between head and foot. */
  readonly perPage: number
  readonly scrollTo: (index: number) => void
}

export function useVirtualRows({ scroller, count, rowPx, headPx }: VirtualRowsOptions): VirtualRows {
  const turn = useSignal(0)
  turn.value
  const kept = useRef<Virtualizer<HTMLElement, Element> | undefined>(undefined)
  const options = {
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowPx,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    overscan: OVERSCAN,
    paddingStart: headPx,
    scrollPaddingStart: headPx,
    onChange: () => {
      turn.value++
    },
  }
  kept.current ??= new Virtualizer(options)
  const virtualizer = kept.current
  virtualizer.setOptions(options)
  useEffect(() => virtualizer._didMount(), [virtualizer])
  useLayoutEffect(() => virtualizer._willUpdate())
  const measuredPx = useRef(rowPx)
  if (measuredPx.current !== rowPx) {
    measuredPx.current = rowPx
    virtualizer.measure()
  }
  return {
    rows: virtualizer.getVirtualItems(),
    totalPx: virtualizer.getTotalSize(),
    perPage: Math.max(1, Math.floor(((virtualizer.scrollRect?.height ?? 0) - headPx) / rowPx) - 1),
    scrollTo: (index) => virtualizer.scrollToIndex(index, { align: 'auto' }),
  }
}
