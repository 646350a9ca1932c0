import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const START_MS = 10_000

/** A server that is not written here, and what starts it. */
export interface ForeignServer {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** A program that runs until it is ended by its id. */
export class ForeignProcess {
  readonly url: string
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, url: string) {
    this.#child = child
    this.url = url
  }

  /** @throws Error if it does not listen on the port that it was given */
  static async start(port: number, { program, args, env = {} }: ForeignServer): Promise<ForeignProcess> {
    const child = spawn(program, args, { env: { PATH: process.env.PATH, ...env }, stdio: 'ignore' })
    const started = new ForeignProcess(child, `http://127.0.0.1:${port}`)
    for (const end = Date.now() + START_MS; !(await answers(started.url)); await delay(20)) {
      if (child.exitCode === null && Date.now() < end) continue
      await started.end()
      throw new Error(`${program} did not start`)
    }
    return started
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    if (this.#child.exitCode === null && this.#child.signalCode === null && this.#child.kill('SIGTERM'))
      await ended
  }
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  )
}

/** Free a moment ago: these programs do not say which port they chose. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** The path of a program of the machine; undefined if it has none. */
export function installed(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin']
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

/**
 * A program of the machine, or else one that its Go builds once, in a folder of the user's cache.
 * @returns undefined if there is neither, or the build fails
 */
export function installedByGo(name: string, module: string, version: string): string | undefined {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache')
  const folder = join(cache, 'entrepot-ci', `${name}-${version}`)
  const built = join(folder, name)
  const found = installed(name) ?? (existsSync(built) ? built : undefined)
  if (found !== undefined || installed('go') === undefined) return found
  console.log(`Building ${name} ${version}`)
  const env = { ...process.env, GOBIN: folder }
  const { status } = spawnSync('go', ['install', `${module}@${version}`], { env, stdio: 'ignore' })
  return status === 0 ? built : undefined
}
