import { effect, signal } from '@preact/signals'

/** What goes on with many files. */
export interface Work {
  readonly label: string
  /** Undefined: nobody knows how much is left. */
  readonly done?: number
  readonly total?: number
  /** Undefined: it has been stopped, and ends with what is on its way. */
  readonly stop?: () => void
}

/** What was asked of a file and was refused. It is told in the file's row. */
export interface Refusal {
  readonly text: string
  readonly retry: () => void
  /** There is no such file any more: its row goes once that was read. */
  readonly isGone?: boolean
}

/** It goes on whatever is looked at, and can be stopped wherever files are listed. */
export const work = signal<Work | undefined>(undefined)

/** By the ids of the files, in whichever list they are. */
export const refusals = signal<ReadonlyMap<string, Refusal>>(new Map())

export function refuse(id: string, refusal: Refusal): void {
  refusals.value = new Map(refusals.value).set(id, refusal)
}

/** What was told of these files has been seen to. */
export function dismiss(ids: Iterable<string>): void {
  const left = new Map(refusals.value)
  for (const id of ids) left.delete(id)
  if (left.size < refusals.value.size) refusals.value = left
}

/** Browsers ask before a page is left that wants them to. */
const warn = (event: BeforeUnloadEvent) => event.preventDefault()
effect(() => {
  if (work.value?.total === undefined) removeEventListener('beforeunload', warn)
  else addEventListener('beforeunload', warn)
})
