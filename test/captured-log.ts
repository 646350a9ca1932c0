import type { Logger } from 'pino'
import { createLogger } from '../src/ops/logging.ts'
import { textLines } from '../src/ops/text-log.ts'

/** A line of the log, as whoever reads it has it. */
export interface LogLine {
  readonly level: number
  readonly msg: string
  readonly [field: string]: unknown
}

/** The logger of a server in this process, from this level on, and what it has written so far. */
export interface CapturedLog {
  readonly logger: Logger
  /** In every form: JSON, text for a terminal, text for a file. */
  text(): string
  lines(): readonly LogLine[]
}

export function captureLog(level: string): CapturedLog {
  const written: string[] = []
  const forms = [false, true].map((isTerminal) => textLines({ isTerminal, stream: process.stdout }))
  return {
    logger: createLogger(level, { write: (line) => void written.push(line) }),
    text: () => [...written, ...forms.flatMap((toText) => written.map(toText))].join(''),
    lines: () => written.map((line) => JSON.parse(line) as LogLine),
  }
}
