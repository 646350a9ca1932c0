import type { FastifyBaseLogger } from 'fastify'
import { type DestinationStream, type LogFn, type Logger, pino } from 'pino'
import { loggableError } from './loggable-error.ts'
import { textLines } from './text-log.ts'

/** Text that waits while standard output takes none; beyond it lines are dropped. */
const MAX_WAITING_CHARACTERS = 4 * 1024 * 1024

/** Standard output, which may be a file on a full disk: a line that cannot be written waits for the next one. */
function openStandardOutput(): ReturnType<typeof pino.destination> {
  const output = pino.destination({ dest: 1, sync: false, maxLength: MAX_WAITING_CHARACTERS })
  output.on('error', () => undefined)
  return output
}

export interface LogOptions {
  /** Undefined: `info`, and `debug` where a person reads along. */
  readonly level: string | undefined
  /** `auto`: text on a terminal, else JSON. */
  readonly format: 'auto' | 'json' | 'text'
}

/** The log of a process, on its standard output. */
export interface OpenLog {
  readonly logger: Logger
  /** Whether it is text on a terminal. */
  readonly isRead: boolean
  /** Writes plain text, in order with the lines of the log. */
  print(text: string): void
}

export function openLog({ level, format }: LogOptions): OpenLog {
  const output = openStandardOutput()
  const isTerminal = process.stdout.isTTY === true
  const isText = format === 'text' || (format === 'auto' && isTerminal)
  const isRead = isText && isTerminal
  const toText = isText ? textLines({ isTerminal, stream: process.stdout }) : undefined
  return {
    logger: createLogger(level ?? (isRead ? 'debug' : 'info'), output, toText),
    isRead,
    print: (text) => output.write(text),
  }
}

/**
 * JSON lines, or what `toText` makes of each. A line tells what its caller names, and of errors a closed list of fields. Requests and answers are told by
 * `request-log.ts`; one that a library hands over as an object is left out.
 */
export function createLogger(
  level: string,
  destination: DestinationStream,
  toText?: (json: string) => string,
): Logger {
  const nothing = () => undefined
  return pino(
    {
      level,
      base: undefined,
      serializers: { err: loggableError, req: nothing, res: nothing, headers: nothing },
      hooks: { logMethod: withTextOfOurs, ...(toText ? { streamWrite: toText } : {}) },
    },
    destination,
  )
}

/** A line without a text would get that of its error, and some callers pass it themselves: it may quote a request. */
function withTextOfOurs(this: Logger, args: Parameters<LogFn>, log: LogFn): void {
  const [facts, text] = args as readonly unknown[]
  const fields = facts instanceof Error ? { err: facts } : facts
  const { err } = Object(fields) as { readonly err?: unknown }
  const isErrorsOwn = err !== undefined && (text === undefined || text === Object(err).message)
  if (isErrorsOwn) log.call(this, fields, 'error')
  else log.apply(this, args)
}

/**
 * The logger for the HTTP framework: warnings and worse. A text without facts is left out: such texts quote the address
 * (`Reply was already sent … in the "/transfer/…" route`).
 */
export function frameworkLogger(logger: FastifyBaseLogger): FastifyBaseLogger {
  const ignore = () => undefined
  const tellAt = (level: 'warn' | 'error' | 'fatal') => (facts: unknown, text?: string) =>
    typeof facts === 'object' && facts !== null
      ? logger[level](facts, text)
      : logger[level]('the HTTP framework warns')
  const quiet: FastifyBaseLogger = {
    level: logger.level,
    trace: ignore,
    debug: ignore,
    info: ignore,
    warn: tellAt('warn'),
    error: tellAt('error'),
    fatal: tellAt('fatal'),
    silent: ignore,
    child: () => quiet,
  }
  return quiet
}
