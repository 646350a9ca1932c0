import { getSystemErrorMessage } from 'node:util'
import { CommanderError } from 'commander'
import { ConfigError } from '../config-reader.ts'

/** What cannot be done, in a sentence for the operator. Exit code 1. */
export class Failure extends Error {
  override readonly name = 'Failure'
}

const FAILED = 1
const USAGE = 2

/** Tells on standard error what went wrong, one line per problem. @returns the exit code */
export function reportFailure(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has printed its own line, or the help that was asked for.
    return error.exitCode === 0 ? 0 : USAGE
  }
  if (error instanceof ConfigError) {
    for (const problem of error.problems) printProblem(problem)
    return USAGE
  }
  printProblem(isBug(error) ? String((error as Error).stack) : sentenceOf(error))
  return FAILED
}

function printProblem(text: string): void {
  process.stderr.write(`error: ${text}\n`)
}

/** What only a mistake of ours can throw; everything else tells the operator enough by its message. */
function isBug(error: unknown): boolean {
  return error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, address, port, hostname, path, errno, syscall } = error as SystemError
  if (code === 'EADDRINUSE') return `${address}:${port} is in use by another program; choose another port.`
  if (syscall === 'listen') {
    const place = port === undefined ? address : `${address}:${port}`
    return `${place} cannot be listened on (${code}); choose another address or port.`
  }
  if (hostname !== undefined) return `The address of the host "${hostname}" cannot be found (${code}).`
  if (path !== undefined && errno !== undefined) return `${path}: ${getSystemErrorMessage(errno)} (${code}).`
  return error.message
}

/** What errors of Node's own calls have, each only where it makes sense. */
type SystemError = NodeJS.ErrnoException & {
  readonly address?: string
  readonly port?: number
  readonly hostname?: string
}
