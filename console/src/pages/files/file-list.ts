import { signal } from '@preact/signals'
import type { FileBody } from '../../api/bodies.ts'

/** Files of a page, and where the next one goes on. */
export interface FilePage {
  readonly files: readonly FileBody[]
  readonly next: string | null
}

/** The list that is asked for. */
export interface ListedFiles {
  /** Loads the page that comes after a cursor; empty: the first one. */
  load(after: string, signal: AbortSignal): Promise<FilePage>
  /** Below 0: the first of the two comes first. */
  compare(one: FileBody, other: FileBody): number
}

interface KeptPage {
  readonly after: string
  /** The last file that it had when it was loaded first: behind its place the next page begins. */
  readonly end: FileBody
  /** How many rows it has, also while they are not kept. */
  count: number
  /** Undefined: forgotten, until somebody wants to see it again. */
  files: readonly FileBody[] | undefined
}

/** What is kept around the rows that are seen. */
const MAX_KEPT_PAGES = 40
/** Browsers end the scrolling of one element at 17 million pixels or more. */
const MAX_ROWS = 400_000
/** The next page is asked for so many rows before the last one. */
const AHEAD_ROWS = 60
/** Requests for a forgotten page. Of more files than these bring, that came meanwhile, some are not shown. */
const MAX_LOADS_AGAIN = 8

/**
 * The files of a query, as rows that are counted from 0. Pages are loaded in their order as their rows are wanted; those far
 * from what is seen are forgotten, and loaded again by their cursors. So its memory has a bound whatever the number of files.
 */
export class FileList {
  /** Changes with every change; a component that reads it is rendered again. */
  readonly version = signal(0)
  readonly error = signal<unknown>(undefined)
  readonly isLoading = signal(true)
  readonly #listed: ListedFiles
  readonly #stop = new AbortController()
  readonly #pages: KeptPage[] = []
  readonly #loading = new Map<KeptPage, Promise<void>>()
  readonly #removed = new Set<string>()
  #next: string | null = ''
  #loadingNext: Promise<void> | undefined
  #count = 0

  constructor(listed: ListedFiles) {
    this.#listed = listed
    void this.#more()
  }

  /** How many rows are known. */
  get count(): number {
    return this.#count
  }

  /** Whether there are no more rows than are known. */
  get isWhole(): boolean {
    return this.#next === null
  }

  /** Whether there are more than can be shown. */
  get isTooLong(): boolean {
    return this.#count >= MAX_ROWS && !this.isWhole
  }

  /** Undefined: there is no such row, or it is not loaded; `want` loads it. */
  at(row: number): FileBody | undefined {
    const [page, start] = this.#pageOf(row)
    return page?.files?.[row - start]
  }

  /** The row of a file that is kept; -1: it is not. */
  rowOf(id: string): number {
    let start = 0
    for (const { files, count } of this.#pages) {
      const at = files?.findIndex((file) => file.id === id) ?? -1
      if (at >= 0) return start + at
      start += count
    }
    return -1
  }

  /** Loads what is missing of these rows, and what comes next if they are the last ones. */
  want(first: number, last: number): void {
    for (const page of this.#pagesOf(first, last)) void this.#restore(page)
    if (last + AHEAD_ROWS >= this.#count && this.error.peek() === undefined) void this.#more()
    this.#forgetAllBut(first, last)
  }

  /** The files of rows, in their order; rows that cannot be loaded are left out. */
  async range(first: number, last: number): Promise<FileBody[]> {
    await Promise.all(this.#pagesOf(first, last).map((page) => this.#restore(page)))
    const rows = Array.from({ length: last - first + 1 }, (_, at) => this.at(first + at))
    return rows.filter((file) => file !== undefined)
  }

  /** Loads on, also after an error, until so many rows are known, or all, or there is one again, or nobody looks any more. */
  async reach(rows: number, signal: AbortSignal): Promise<void> {
    this.error.value = undefined
    const either = AbortSignal.any([signal, this.#stop.signal])
    while (this.#count < rows && !this.isWhole && this.error.peek() === undefined && !either.aborted)
      await this.#more()
  }

  /** Goes on after an error. */
  retry(): void {
    this.error.value = undefined
    void this.#more()
  }

  /** A file that was changed here. It keeps its row, though another name may belong elsewhere, until its page is loaded again. */
  replace(changed: FileBody): void {
    for (const page of this.#pages)
      page.files = page.files?.map((file) => (file.id === changed.id ? changed : file))
    this.version.value++
  }

  /** Files that were deleted here. */
  remove(ids: ReadonlySet<string>): void {
    for (const id of ids) this.#removed.add(id)
    this.#drop(ids)
    this.version.value++
  }

  /** Nobody looks at it any more. */
  stop(): void {
    this.#stop.abort()
  }

  /** Loads the next page that has a row, once at a time. */
  #more(): Promise<void> {
    this.#loadingNext ??= this.#loadNext().finally(() => {
      this.#loadingNext = undefined
      this.isLoading.value = false
    })
    return this.#loadingNext
  }

  async #loadNext(): Promise<void> {
    const { signal } = this.#stop
    // A page may be empty although there is another.
    for (let found = false; !found && this.#next !== null && this.#count < MAX_ROWS; ) {
      this.isLoading.value = true
      const after: string = this.#next
      try {
        const { files, next } = await this.#listed.load(after, signal)
        if (signal.aborted) return
        this.#next = next
        const end = files.at(-1)
        found = end !== undefined
        if (end !== undefined) this.#append({ after, end }, files)
        this.version.value++
      } catch (error) {
        if (!signal.aborted) this.error.value = error
        return
      }
    }
  }

  #append(place: Pick<KeptPage, 'after' | 'end'>, files: readonly FileBody[]): void {
    const page = { ...place, count: 0, files: [] }
    this.#pages.push(page)
    this.#fill(page, files)
  }

  /** A page that was forgotten. A failure is told where the list ends, as the others are. */
  #restore(page: KeptPage): Promise<void> {
    if (page.files !== undefined) return Promise.resolve()
    const loading = this.#loading.get(page) ?? this.#loadAgain(page)
    this.#loading.set(page, loading)
    return loading
  }

  async #loadAgain(page: KeptPage): Promise<void> {
    const { signal } = this.#stop
    try {
      const files = await this.#loadUpToEnd(page, signal)
      if (signal.aborted) return
      this.#fill(page, files)
      this.version.value++
    } catch (error) {
      if (!signal.aborted) this.error.value = error
    } finally {
      this.#loading.delete(page)
    }
  }

  /** Where files were deleted meanwhile it is some of the next page, too, and where some came, a part of this one. */
  async #loadUpToEnd({ after, end }: KeptPage, signal: AbortSignal): Promise<readonly FileBody[]> {
    const { compare, load } = this.#listed
    const isInside = (file: FileBody) => compare(file, end) <= 0
    const files: FileBody[] = []
    let place: string | null = after
    for (let loads = 0; place !== null && loads < MAX_LOADS_AGAIN; loads++) {
      const page: FilePage = await load(place, signal)
      files.push(...page.files)
      place = page.files.every(isInside) ? page.next : null
    }
    return files.slice(0, files.findLastIndex(isInside) + 1)
  }

  /** A file that has another place since it was renamed is in one row, the newest. */
  #fill(page: KeptPage, files: readonly FileBody[]): void {
    this.#drop(new Set(files.map(({ id }) => id)))
    // The page may have been on its way while they were deleted.
    const left = files.filter(({ id }) => !this.#removed.has(id))
    this.#set(page, left)
  }

  #drop(ids: ReadonlySet<string>): void {
    for (const page of this.#pages) {
      const left = page.files?.filter(({ id }) => !ids.has(id))
      if (left !== undefined && left.length < page.count) this.#set(page, left)
    }
  }

  #set(page: KeptPage, files: readonly FileBody[]): void {
    this.#count += files.length - page.count
    page.count = files.length
    page.files = files
  }

  #pageOf(row: number): readonly [page: KeptPage | undefined, start: number] {
    let start = 0
    for (const page of this.#pages) {
      if (row < start + page.count) return [page, start]
      start += page.count
    }
    return [undefined, start]
  }

  #pagesOf(first: number, last: number): KeptPage[] {
    let start = 0
    return this.#pages.filter(({ count }) => {
      const begins = start
      start += count
      return begins <= last && start > first
    })
  }

  #forgetAllBut(first: number, last: number): void {
    const kept = this.#pages.filter(({ files }) => files !== undefined)
    if (kept.length <= MAX_KEPT_PAGES) return
    const [seen] = this.#pagesOf(first, last)
    const middle = seen === undefined ? this.#pages.length : this.#pages.indexOf(seen)
    const byDistance = kept
      .map((page) => ({ page, distance: Math.abs(this.#pages.indexOf(page) - middle) }))
      .sort((one, other) => other.distance - one.distance)
    for (const { page } of byDistance.slice(0, kept.length - MAX_KEPT_PAGES)) page.files = undefined
  }
}
