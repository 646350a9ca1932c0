import type { CopyProgress } from '../../move/backup.ts'
import { ProgressBar } from '../progress-bar.ts'

/** Tells on a terminal how far a copy of an installation has come. */
export class CopyBar implements CopyProgress, Disposable {
  #label = ''
  #bar: ProgressBar | undefined

  /** How many there are nobody knows before they are read. */
  onRows(bytes: number): void {
    if (this.#label !== 'rows') this.#show('rows')
    this.#bar?.add(bytes)
  }

  willCopy(bytes: number): void {
    this.#show('bytes of files', bytes)
  }

  onBytes(bytes: number): void {
    this.#bar?.add(bytes)
  }

  [Symbol.dispose](): void {
    this.#bar?.[Symbol.dispose]()
    this.#bar = undefined
  }

  #show(label: string, totalBytes?: number): void {
    this[Symbol.dispose]()
    this.#label = label
    this.#bar = new ProgressBar(totalBytes, { label })
  }
}
