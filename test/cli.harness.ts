import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { compileCache } from './compile-cache.ts'

export const ENTRY = fileURLToPath(new URL('../src/cli/entrepot.ts', import.meta.url))
/** Generous: tests share the machine with each other. */
const PATIENCE_MS = 120_000

export type Settings = Readonly<Record<string, string>>

export interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A folder of the test's own that does not exist yet; removed, with all that came into it, when the test ends. */
export async function newDataDir(context: TestContext): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'entrepot-cli-'))
  context.after(() => rm(parent, { recursive: true, force: true }))
  return join(parent, 'data')
}

/** Runs a command of the real CLI to its end, with no setting but these. `uid`: as that user, which only root can. */
export async function entrepot(
  args: readonly string[],
  settings: Settings = {},
  uid?: number,
): Promise<Outcome> {
  const started = new Running(startEntrepot(args, settings, uid))
  const status = await started.ended
  return { status, stdout: started.stdout, stderr: started.stderr }
}

export function startEntrepot(args: readonly string[], settings: Settings, uid?: number): ChildProcess {
  const options = {
    env: bareEnvironment(settings),
    stdio: 'pipe',
    ...(uid === undefined ? {} : { uid }),
  } as const
  return spawn(process.execPath, [ENTRY, ...args], options)
}

/** Pastes lines into a shell, which has no setting of ours and no proxy. */
export async function pasteInto(shell: string, lines: string): Promise<Outcome> {
  const child = spawn(shell, [], { env: bareEnvironment(), stdio: 'pipe' })
  const started = new Running(child)
  child.stdin.end(`${lines}\n`)
  const status = await started.ended
  return { status, stdout: started.stdout, stderr: started.stderr }
}

function bareEnvironment(settings: Settings = {}): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: process.env.HOME, ...compileCache(), ...settings }
}

/** A process whose output is kept. It is killed if it outlives all patience. */
export class Running {
  readonly child: ChildProcess
  /** Its exit code, or null if a signal ended it. */
  readonly ended: Promise<number | null>
  stdout = ''
  stderr = ''

  constructor(child: ChildProcess) {
    this.child = child
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
    this.ended = once(child, 'close').then(([status]) => {
      clearTimeout(timer)
      return status as number | null
    })
  }

  /** Resolves to what `find` finds in the standard output, as soon as it does. @throws Error if the process ends first */
  async printed<T>(find: (stdout: string) => T | undefined): Promise<T> {
    let over = false
    const end = this.ended.then(() => {
      over = true
    })
    for (;;) {
      const found = find(this.stdout)
      if (found !== undefined) return found
      if (over) throw new Error(`it ended without printing that:\n${this.stdout}${this.stderr}`)
      await Promise.race([once(this.child.stdout as NodeJS.EventEmitter, 'data'), end])
    }
  }
}
