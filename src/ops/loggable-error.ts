/** What the log tells of an error. Everything else that an error carries stays out. */
export interface LoggableError {
  readonly type: string
  readonly message?: string
  readonly code?: string | number
  /** Frames alone: the first line of a stack repeats the message. */
  readonly stack?: string
  readonly cause?: LoggableError
  readonly errors?: readonly LoggableError[]
}

/** A cause may lead back to where it began. */
const MAX_DEPTH = 5
const FRAME = /^\s+at /

/**
 * An error as the log may show it. Libraries hang what they worked on onto their errors: the request and its signature
 * (AWS SDK), the values of a row (`detail` of pg), the bytes received (`rawPacket` of Node's parser), the URL with its
 * password (`input` of `new URL`). So the fields are a closed list, and what is thrown without being an error shows its
 * type alone.
 */
export function loggableError(error: unknown, depth = 0): LoggableError {
  if (!(error instanceof Error)) return { type: error === null ? 'null' : typeof error }
  const { name, code, stack, cause, errors } = error as Error & { code?: unknown; errors?: unknown }
  const inner = (value: unknown) => loggableError(value, depth + 1)
  return {
    type: name,
    ...(quotesItsInput(error, code) ? {} : { message: error.message }),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(stack === undefined ? {} : { stack: framesOf(stack) }),
    ...(cause === undefined || depth >= MAX_DEPTH ? {} : { cause: inner(cause) }),
    ...(Array.isArray(errors) && depth < MAX_DEPTH ? { errors: errors.map(inner) } : {}),
  }
}

/** Parsers quote the text that they could not read, Fastify the address of the request (fastify.dev, "Errors"). */
function quotesItsInput(error: Error, code: unknown): boolean {
  return error instanceof SyntaxError || (typeof code === 'string' && code.startsWith('FST_'))
}

function framesOf(stack: string): string {
  return stack
    .split('\n')
    .filter((line) => FRAME.test(line))
    .join('\n')
}
