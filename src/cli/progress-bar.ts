import { SingleBar } from 'cli-progress'
import { showSize } from '../config/size.ts'
import { visible } from './output.ts'

/** What matters most fits into 80 columns; a label comes last, because the rest of the line is cut off. */
const WIDTH = 20
const DRAWN_EVERY_MS = 200
/** The time left is what the last ten seconds make likely. */
const REMEMBERED_DRAWS = 50
const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** Where it is drawn: standard error, or a test. */
export interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export interface ProgressBarOptions {
  /** What is being done. */
  readonly label?: string
  /** Was there before, and says nothing about the rate. */
  readonly doneBytes?: number
  /** How amounts are shown; by default as bytes. */
  readonly show?: (amount: number) => string
  readonly terminal?: Terminal
}

const shown = new Set<Disposable>()
let isListening = false

/** Once and for all: a signal that comes between two bars of a command would find a listener that was just removed, and be lost. */
function listen(): void {
  if (isListening) return
  isListening = true
  for (const signal of SIGNALS) process.on(signal, onSignal)
}

/** Whoever ends a command finds an empty line, and whoever else listens goes on from there. */
function onSignal(signal: NodeJS.Signals): void {
  for (const bar of shown) bar[Symbol.dispose]()
  if (process.listenerCount(signal) > 1) return
  process.off(signal, onSignal)
  process.kill(process.pid, signal)
}

/** A line that tells on a terminal how far reading or sending has come, how fast, and how long it may last; elsewhere nothing. */
export class ProgressBar implements Disposable {
  readonly #bar: SingleBar
  readonly #beganAt = performance.now()
  #doneBytes: number
  readonly #label: string
  readonly #show: (amount: number) => string
  readonly #totalBytes: number | undefined
  #bytes: number
  #updatedAt = Number.NEGATIVE_INFINITY

  /** @param totalBytes undefined if nobody knows; more may come than this */
  constructor(totalBytes: number | undefined, options: ProgressBarOptions = {}) {
    const { label = '', doneBytes = 0, show = showSize, terminal = process.stderr } = options
    this.#doneBytes = doneBytes
    this.#bytes = doneBytes
    this.#label = visible(label)
    this.#show = show
    this.#totalBytes = totalBytes
    const known = totalBytes !== undefined
    this.#bar = new SingleBar({
      format: `${known ? '[{bar}] {percentage} %  {value} of {total}' : '{value}'}  {rate}${known ? '  {eta_formatted} left' : ''}  {label}`,
      stream: narrower(terminal) as NodeJS.WriteStream,
      barsize: WIDTH,
      barCompleteChar: '#',
      barIncompleteChar: '.',
      fps: 1000 / DRAWN_EVERY_MS,
      etaBuffer: REMEMBERED_DRAWS,
      linewrap: true,
      clearOnComplete: true,
      // The library would stop the bar at the first Ctrl-C, and leave the command running.
      gracefulExit: false,
      formatTime: showSeconds,
      formatValue: (value, _options, type) =>
        type === 'value' || type === 'total' ? show(value) : `${value}`,
    })
    shown.add(this)
    listen()
    this.#start()
  }

  add(bytes: number): void {
    this.#bytes += bytes
    const now = performance.now()
    if (now - this.#updatedAt < DRAWN_EVERY_MS) return
    this.#updatedAt = now
    this.#bar.update(this.#bytes, { rate: this.#rate(now) })
  }

  /** Counts what need not be done, or has to be done again if it is negative; neither says anything about the rate. */
  skip(bytes: number): void {
    this.#doneBytes += bytes
    this.add(bytes)
  }

  /** Says in place of the rate why nothing moves, until it does again. */
  note(text: string): void {
    this.#bar.update({ rate: text })
  }

  /** Lets `write` have the line; the bar goes on below. */
  aside(write: () => void): void {
    this.#bar.stop()
    write()
    this.#start()
  }

  [Symbol.dispose](): void {
    shown.delete(this)
    this.#bar.stop()
  }

  #start(): void {
    this.#bar.start(this.#totalBytes ?? 0, this.#bytes, {
      label: this.#label,
      rate: this.#rate(performance.now()),
    })
  }

  #rate(now: number): string {
    const perSecond = (this.#bytes - this.#doneBytes) / Math.max(1, (now - this.#beganAt) / 1000)
    return `${this.#show(Math.max(0, perSecond))}/s`
  }
}

/** Of a terminal that does not tell its width, which Node shows as 0. */
const USUAL_COLUMNS = 80

/** The terminal echoes Ctrl-C as two characters; on a full line they would begin another, which nobody erases. */
function narrower(terminal: Terminal) {
  const { isTTY } = terminal
  return {
    isTTY,
    get columns() {
      return (terminal.columns || USUAL_COLUMNS) - '^C'.length - 1
    },
    write: (text: string) => terminal.write(text),
  }
}

/** Like 1:05:09; what the library cannot tell is no number. */
function showSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return '-:--'
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  const parts = hours > 0 ? [hours, minutes, seconds % 60] : [minutes, seconds % 60]
  return parts.map((part, index) => (index === 0 ? `${part}` : `${part}`.padStart(2, '0'))).join(':')
}
