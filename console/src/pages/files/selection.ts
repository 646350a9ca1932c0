import { computed, signal } from '@preact/signals'
import type { FileBody } from '../../api/bodies.ts'
import type { FileList } from './file-list.ts'

/** More are not held at once. */
export const MAX_SELECTED = 10_000

/** Which files are chosen, and which row the keyboard is at. */
export class Selection {
  /** By id. They stay chosen when their rows are far away. */
  readonly files = signal<ReadonlyMap<string, FileBody>>(new Map())
  readonly size = computed(() => this.files.value.size)
  /** The row of the keyboard; -1: none yet. */
  readonly active = signal(-1)
  /** Where a range begins. */
  #anchor = 0
  readonly #list: FileList

  constructor(list: FileList) {
    this.#list = list
  }

  has(id: string): boolean {
    return this.files.value.has(id)
  }

  clear(): void {
    if (this.size.peek() > 0) this.files.value = new Map()
  }

  /** This row alone. */
  only(row: number): void {
    this.#moveTo(row)
    const file = this.#list.at(row)
    this.files.value = new Map(file === undefined ? [] : [[file.id, file]])
  }

  toggle(row: number): void {
    this.#moveTo(row)
    const file = this.#list.at(row)
    if (file === undefined) return
    const files = new Map(this.files.value)
    if (!files.delete(file.id)) files.set(file.id, file)
    this.files.value = bounded(files)
  }

  /** From where the last choice began to this row. @param isAdded to what is chosen already */
  async extendTo(row: number, isAdded = false): Promise<void> {
    this.active.value = row
    const [first, last] = [Math.min(this.#anchor, row), Math.max(this.#anchor, row)]
    const files = await this.#list.range(first, Math.min(last, first + MAX_SELECTED - 1))
    // Somebody moved on while rows were loaded.
    if (this.active.peek() !== row) return
    this.files.value = bounded(new Map([...(isAdded ? this.files.value : []), ...byId(files)]))
  }

  /** All that are found, which may have to be loaded first. @param signal lets it be at what is loaded */
  async all(signal: AbortSignal): Promise<void> {
    await this.#list.reach(MAX_SELECTED, signal)
    const files = await this.#list.range(0, Math.min(this.#list.count, MAX_SELECTED) - 1)
    this.files.value = byId(files)
  }

  /** The keyboard goes to a row, and nothing is chosen. */
  moveTo(row: number): void {
    this.#moveTo(row)
  }

  /** Files that changed or went. */
  replace(changed: FileBody): void {
    if (this.has(changed.id)) this.files.value = new Map(this.files.value).set(changed.id, changed)
  }

  remove(ids: ReadonlySet<string>): void {
    this.files.value = new Map(this.files.value.entries().filter(([id]) => !ids.has(id)))
    this.active.value = Math.min(this.active.value, this.#list.count - 1)
    this.#anchor = Math.max(0, Math.min(this.#anchor, this.#list.count - 1))
  }

  #moveTo(row: number): void {
    this.active.value = row
    this.#anchor = row
  }
}

function byId(files: readonly FileBody[]): Map<string, FileBody> {
  return new Map(files.map((file) => [file.id, file]))
}

function bounded(files: Map<string, FileBody>): Map<string, FileBody> {
  return files.size <= MAX_SELECTED ? files : new Map([...files].slice(0, MAX_SELECTED))
}
