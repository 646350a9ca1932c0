const WIDTH = 30
const DRAWN_EVERY_MS = 200
const MEBIBYTE = 1024 * 1024
const ERASE_LINE = '\r\x1b[K'

/** Where it is drawn: standard error, or a test. */
export interface Terminal {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** A line that tells on a terminal how far reading has come; elsewhere nothing. */
export class ProgressBar implements Disposable {
  readonly #totalBytes: number
  readonly #terminal: Terminal
  readonly #beganAt = performance.now()
  #drawnAt = Number.NEGATIVE_INFINITY
  #bytes = 0

  constructor(totalBytes: number, terminal: Terminal = process.stderr) {
    this.#totalBytes = totalBytes
    this.#terminal = terminal
  }

  add(bytes: number): void {
    this.#bytes += bytes
    const now = performance.now()
    if (this.#terminal.isTTY !== true || now - this.#drawnAt < DRAWN_EVERY_MS) return
    this.#drawnAt = now
    this.#terminal.write(ERASE_LINE + this.#line(now))
  }

  /** More may be read than there was at the beginning. */
  #line(now: number): string {
    const share = this.#totalBytes === 0 ? 1 : Math.min(1, this.#bytes / this.#totalBytes)
    const bar = '#'.repeat(Math.round(share * WIDTH)).padEnd(WIDTH, '.')
    const perSecond = this.#bytes / Math.max(1, (now - this.#beganAt) / 1000)
    const [done, total, pace] = [this.#bytes, this.#totalBytes, perSecond].map(inMebibytes)
    return `[${bar}] ${Math.floor(share * 100)} %  ${done} of ${total} MiB  ${pace} MiB/s`
  }

  [Symbol.dispose](): void {
    if (this.#drawnAt > Number.NEGATIVE_INFINITY) this.#terminal.write(ERASE_LINE)
  }
}

function inMebibytes(bytes: number): string {
  return (bytes / MEBIBYTE).toFixed(bytes < 10 * MEBIBYTE ? 1 : 0)
}
