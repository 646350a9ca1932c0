import { styleText } from 'node:util'
import { pino } from 'pino'
import type { LoggableError } from './loggable-error.ts'

export interface TextOptions {
  /** A person reads along: times without the date, and lines short enough for a row or two. */
  readonly isTerminal: boolean
  /** Asked for colours once: whether it is a terminal, `NO_COLOR`, `FORCE_COLOR`. */
  readonly stream: NodeJS.WritableStream
}

type Style = Parameters<typeof styleText>[0]
type Paint = Readonly<Record<'quiet' | 'key' | 'text' | keyof typeof levelStyles, (text: string) => string>>

const levelStyles = {
  trace: 'dim',
  debug: 'dim',
  info: 'green',
  warn: 'yellow',
  error: 'red',
  fatal: ['bold', 'red'],
} as const satisfies Readonly<Record<string, Style>>

const LEVEL_WIDTH = 5
const WARN = pino.levels.values.warn ?? 0
const INDENT = '    '

/** Each takes half a row; below `warn` nobody at a terminal needs them. */
const LONG_IDS: ReadonlySet<string> = new Set(['requestId', 'organizationId'])

/** What could move the cursor, colour or rename a terminal, end a line, or turn the order of letters around. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** What stands without quotes. */
const PLAIN = /^[^\s"'=\\]+$/

/**
 * Prints lines of the log for people: time, level, text, fields; below it, indented, the error with its causes. What it is given
 * is a line of JSON, so it tells no more than that.
 *
 * pino-pretty would do most of it, at 2 MB; but it sends control characters of texts to the terminal, and errors take JSON over
 * several lines.
 */
export function textLines({ isTerminal, stream }: TextOptions): (json: string) => string {
  const paint = painter(stream)
  return (json) => {
    const { level, time, msg, err, ...fields } = JSON.parse(json) as {
      readonly level: number
      readonly time: number
      readonly msg?: string
      readonly err?: LoggableError
    } & Fields
    const label = (pino.levels.labels[level] ?? 'info') as keyof typeof levelStyles
    const isShort = isTerminal && level < WARN
    const shown = Object.entries(fields).filter(([name]) => !isShort || !LONG_IDS.has(name))
    const parts = [
      paint.quiet(isTerminal ? clockTime(time) : new Date(time).toISOString()),
      paint[label](label.toUpperCase().padEnd(LEVEL_WIDTH)),
      paint.text(escaped(msg ?? '')),
      ...requestParts(fields),
      ...shown
        .filter(([name]) => !REQUEST_FIELDS.has(name))
        .map(([name, value]) => paint.key(`${escaped(name)}=`) + valueText(value)),
    ]
    const line = `${parts.filter((part) => part !== '').join(' ')}\n`
    return err === undefined ? line : line + errorLines(err, paint, INDENT, '')
  }
}

type Fields = Readonly<Record<string, unknown>>

/** They say what they are without a name, in this order: `GET /v1/files/:id 200 1.2 ms`. */
const REQUEST_FIELDS: ReadonlySet<string> = new Set(['method', 'route', 'status', 'ms'])

function requestParts({ method, route, status, ms }: Fields): readonly string[] {
  const told = [method, route, status].filter((value) => value !== undefined).map(valueText)
  return ms === undefined ? told : [...told, `${valueText(ms)} ms`]
}

function valueText(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return typeof value !== 'string' || PLAIN.test(text) ? escaped(text) : escaped(JSON.stringify(text))
}

function errorLines(error: LoggableError, paint: Paint, indent: string, role: string): string {
  const { type, message, code, stack, cause, errors = [] } = error
  const about = [type, code === undefined ? '' : ` (${code})`, message === undefined ? '' : `: ${message}`]
  const inner = [
    ...errors.map((each) => ['- ', each] as const),
    ...(cause === undefined ? [] : [['caused by ', cause] as const]),
  ]
  return [
    `${indent}${role}${paint.text(escaped(about.join('')))}\n`,
    ...(stack?.split('\n') ?? [])
      .filter((frame) => frame !== '')
      .map((frame) => `${indent}${INDENT}${paint.quiet(escaped(frame.trim()))}\n`),
    ...inner.map(([as, each]) => errorLines(each, paint, `${indent}  `, as)),
  ].join('')
}

function escaped(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const code = character.codePointAt(0) ?? 0
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
}

function clockTime(time: number): string {
  const date = new Date(time)
  const two = (value: number) => String(value).padStart(2, '0')
  const milliseconds = String(date.getMilliseconds()).padStart(3, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${milliseconds}`
}

/** Styles are made once, since `styleText` reads the environment at each call. */
function painter(stream: NodeJS.WritableStream): Paint {
  const style = (format: Style) => {
    const [open = '', close = ''] = styleText(format, '\n', { stream }).split('\n')
    return (text: string) => open + text + close
  }
  const levels = Object.entries(levelStyles).map(([level, format]) => [level, style(format)])
  return { quiet: style('dim'), key: style('cyan'), text: style('bold'), ...Object.fromEntries(levels) }
}
