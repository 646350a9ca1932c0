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
 * Whether npm is gone, as a question that can be repeated; undefined if it is not what started us. Who a process's parent is
 * changes when the parent ends, and never for another reason, so that no number of a process that is used again misleads.
 */
function npmWatch(env: Environment): (() => boolean) | undefined {
  // npm's own documentation, "scripts": set in everything that a script of npm starts.
  if (env.npm_lifecycle_event === undefined) return undefined
  const parent = process.ppid
  const isParentGone = () => process.ppid !== parent
  const command = commandOf(parent)
  if (isNpm(command, env)) return isParentGone
  // The shell in which npm runs a script, unless that has replaced itself with us.
  const npm = / -c /.test(command) ? parentOf(parent) : undefined
  if (npm === undefined || !isNpm(commandOf(npm), env)) return undefined
  return () => isParentGone() || parentOf(parent) !== npm
}

/** npm calls its process `npm start` or `npm exec …`; other managers of packages are known by their path. */
function isNpm(command: string, { npm_execpath: path }: Environment): boolean {
  return /^npm( |$)/.test(command) || (path !== undefined && command.includes(` ${path}`))
}

/** With its arguments; empty if nobody can tell. */
function commandOf(pid: number): string {
  return process.platform === 'linux'
    ? readProc(pid, 'cmdline').replaceAll('\0', ' ').trim()
    : ps(pid, 'args=')
}

function parentOf(pid: number): number | undefined {
  // The name of the program comes in parentheses, and may contain some (proc_pid_stat(5)).
  const text =
    process.platform === 'linux' ? /.*\) \S (\d+) /s.exec(readProc(pid, 'stat'))?.[1] : ps(pid, 'ppid=')
  return text ? Number(text) : undefined
}

function readProc(pid: number, name: 'cmdline' | 'stat'): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return ''
  }
}

function ps(pid: number, format: string): string {
  try {
    return execFileSync('ps', ['-o', format, '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return ''
  }
}
