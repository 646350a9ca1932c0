import { showSize } from '../../config/size.ts'
import type { CopyProgress } from '../../move/backup.ts'
import { ProgressBar } from '../progress-bar.ts'

const TOLD_EVERY_MS = 10_000

/** Tells on a terminal how far a copy of an installation has come. */
export class CopyBar implements CopyProgress, Disposable {
  readonly #tell: ((text: string) => void) | undefined
  #toldAt = performance.now()
  #label = ''
  #bar: ProgressBar | undefined
  #bytes = 0

  /** @param tell takes a line now and then where nobody sees the bar */
  constructor(tell?: (text: string) => void) {
    if (process.stderr.isTTY !== true) this.#tell = tell
  }

  /** How many there are nobody knows before they are read. */
  onRows(bytes: number): void {
    if (this.#label !== 'rows') this.#show('rows')
    this.#add(bytes)
  }

  willCopy(bytes: number): void {
    this.#show('bytes of files', bytes)
  }

  onBytes(bytes: number): void {
    this.#add(bytes)
  }

  [Symbol.dispose](): void {
    this.#bar?.[Symbol.dispose]()
    this.#bar = undefined
  }

  #add(bytes: number): void {
    this.#bytes += bytes
    this.#bar?.add(bytes)
    const now = performance.now()
    if (this.#tell === undefined || now - this.#toldAt < TOLD_EVERY_MS) return
    this.#toldAt = now
    this.#tell(`${showSize(this.#bytes)} of ${this.#label} so far`)
  }

  #show(label: string, totalBytes?: number): void {
    this[Symbol.dispose]()
    this.#label = label.replace(/^bytes of /, '')
    this.#bytes = 0
    this.#bar = new ProgressBar(totalBytes, { label })
  }
}
