import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'

/**
 * Runs a shell script, with `args` as `$1` and so on, once this process is gone, however it ended: a shell of a session of its
 * own reads from a pipe that only this process holds.
 */
export function afterThisProcess(script: string, ...args: readonly string[]): void {
  const shell = spawn('sh', ['-c', `cat >/dev/null; ${script}`, 'sh', ...args], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  shell.unref()
  const pipe = shell.stdin as Socket
  pipe.unref()
}
