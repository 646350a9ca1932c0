import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const LOOK_MS = 1000

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Calls `onGone` once when the npm that started this process is gone: npm does not pass every signal on, and none if it is
 * killed. Does nothing where the process was started otherwise, also within a script of npm: by another program, by an
 * interactive shell, or by a shell that has ended (`&`).
 * @returns ends the watch
 */
export function watchNpm(env: Environment, onGone: () => void): () => void {
  const isOver = npmWatch(env)
  if (isOver === undefined) return () => undefined
  const timer = setInterval(() => {
    if (!isOver()) return
    clearInterval(timer)
    onGone()
  }, LOOK_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/**
 * Whether npm is gone, as a question that can be repeated; undefined if it is not what started us. A process gets another
 * parent only when the parent ends, so a number that is used again misleads nobody.
 */
function npmWatch(env: Environment): (() => boolean) | undefined {
  // npm's own documentation, "scripts": set in everything that a script of npm starts.
  if (env.npm_lifecycle_event === undefined) return undefined
  const parent = process.ppid
  const isParentGone = () => process.ppid !== parent
  const { command, parent: grandparent } = processOf(parent)
  if (isNpm(command, env)) return isParentGone
  // The shell in which npm runs a script, unless that has replaced itself with us.
  if (!/ -c /.test(command) || !isNpm(processOf(grandparent).command, env)) return undefined
  return () => isParentGone() || processOf(parent).parent !== grandparent
}

/** npm calls its process `npm start` or `npm exec …`; other managers of packages are known by their path. */
function isNpm(command: string, { npm_execpath: path }: Environment): boolean {
  return /^npm( |$)/.test(command) || (path !== undefined && command.includes(` ${path}`))
}

/** A process's command with its arguments, and its parent; an empty one and 0 if nobody can tell. */
function processOf(pid: number): { readonly command: string; readonly parent: number } {
  try {
    if (process.platform !== 'linux') {
      const text = execFileSync('ps', ['-o', 'ppid=,args=', '-p', String(pid)], { encoding: 'utf8' })
      const [, parent, command = ''] = /^\s*(\d+)\s+(.*)$/m.exec(text) ?? []
      return { command, parent: Number(parent ?? 0) }
    }
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
    // The name of the program comes in parentheses, and may contain some (proc_pid_stat(5)).
    const [, parent] = /.*\) \S (\d+) /s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
    return { command, parent: Number(parent ?? 0) }
  } catch {
    return { command: '', parent: 0 }
  }
}
