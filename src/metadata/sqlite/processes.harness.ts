import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const CHILD = fileURLToPath(new URL('./child.harness.ts', import.meta.url))

/** A second process in a role of `child.ts`. With `smallFiles` every write beyond ten mebibytes at most fails. */
export function startChild(role: string, place: string, limits: { smallFiles?: boolean } = {}): ChildProcess {
  const command = [process.execPath, CHILD, role, place] as const
  const [file, ...args] = limits.smallFiles ? (['sh', ...limited, ...command] as const) : command
  return spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** Shells count in blocks of 512 or 1024 bytes. */
const limited = ['-c', 'ulimit -f 10240 && exec "$@"', 'sh'] as const

/** What the child says, line by line, until it has ended. */
export async function* linesOf(child: ChildProcess): AsyncGenerator<string> {
  const ended = once(child, 'close')
  if (child.stdout === null) throw new Error('The child has no stdout')
  yield* createInterface({ input: child.stdout })
  await ended
}

/** Lets the child come to its end. @returns what it said */
export async function runChild(role: string, place: string): Promise<string[]> {
  const child = startChild(role, place)
  const lines: string[] = []
  for await (const line of linesOf(child)) lines.push(line)
  if (child.exitCode !== 0) throw new Error(`The child ended with ${child.exitCode ?? child.signalCode}`)
  return lines
}
