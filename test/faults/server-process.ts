import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { compileCache } from '../compile-cache.ts'

/** After this a start counts as failed. It is no promise: many processes on few cores make each of them slow. */
const START_PATIENCE_MS = 120_000
const CLI = fileURLToPath(new URL('../../src/cli/entrepot.ts', import.meta.url))
const KEPT_OUTPUT_CHARACTERS = 200_000

/** The admin key of every server that is started here. */
export const ROOT_KEY = 'root-key-of-the-fault-tests'

export interface StartServer {
  readonly dataDir: string
  /** Further `ENTREPOT_` settings. */
  readonly settings?: Readonly<Record<string, string>>
  /** Options of the child's Node. */
  readonly nodeOptions?: readonly string[]
  /** Set in a shell before the server starts, such as `ulimit -f 100`. */
  readonly shellPrelude?: string
  /** A file that gets what it logs, instead of a pipe. */
  readonly logFile?: string
  /** Another program than the server; it must log the same `listening` line. */
  readonly entry?: string
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Why a test cannot measure a process of its own here; false if it can. */
export function whyNotMeasured(): string | false {
  if (process.platform !== 'linux') return 'only on Linux, which tells about processes in /proc'
  return process.env.ENTREPOT_TEST_STORES === undefined
    ? false
    : 'only on SQLite and a disk, as measured there'
}

/** The server in a process of its own, with a fixed key, no rate limits and no metrics port. */
export class ServerProcess {
  readonly url: string
  /** From the spawn to the line that says that it listens. */
  readonly startMs: number
  readonly exited: Promise<Exit>
  readonly #child: ChildProcess
  readonly #output: () => string

  private constructor(child: ChildProcess, url: string, startMs: number, output: () => string) {
    this.#child = child
    this.url = url
    this.startMs = startMs
    this.#output = output
    this.exited = exitOf(child)
  }

  /** @throws Error with the output if it ends before it listens */
  static async start(options: StartServer): Promise<ServerProcess> {
    const begin = performance.now()
    const child = spawnServer(options)
    let output = ''
    const listening = Promise.withResolvers<string>()
    const collect = (chunk: string) => {
      output = (output + chunk).slice(-KEPT_OUTPUT_CHARACTERS)
      const url = listeningUrl(output)
      if (url !== undefined) listening.resolve(url)
    }
    child.stdout?.setEncoding('utf8').on('data', collect)
    child.stderr?.setEncoding('utf8').on('data', collect)
    const following = options.logFile === undefined ? undefined : follow(options.logFile, collect)
    const fail = (why: string) => listening.reject(new Error(`The server ${why}:\n${output}`))
    child.once('exit', (code, signal) => fail(`ended with ${signal ?? code}`))
    const timer = setTimeout(() => fail('did not listen'), START_PATIENCE_MS)
    try {
      const url = await listening.promise
      return new ServerProcess(child, url, performance.now() - begin, () => output)
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    } finally {
      clearTimeout(timer)
      clearInterval(following)
    }
  }

  /** Starts a server and kills it after that time, however far it has come. */
  static async startAndKill(options: StartServer, afterMs: number): Promise<void> {
    const child = spawnServer(options)
    child.stdout?.resume()
    child.stderr?.resume()
    const timer = setTimeout(() => child.kill('SIGKILL'), afterMs)
    await exitOf(child)
    clearTimeout(timer)
  }

  /** It ended, and nobody asked it to. */
  get hasDied(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** What it logged last. */
  get output(): string {
    return this.#output()
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<Exit> {
    this.#child.kill(signal)
    return this.exited
  }

  /** Open file descriptors; Linux only. */
  countDescriptors(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length
  }

  /** Lets `VmHWM` start anew from the present size (proc(5), clear_refs); Linux only. */
  forgetPeakMemory(): void {
    writeFileSync(`/proc/${this.pid}/clear_refs`, '5')
  }

  /** `VmRSS`, `VmHWM` and the like, in bytes; Linux only. */
  memoryBytes(field: 'VmRSS' | 'VmHWM'): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024
  }
}

function spawnServer(options: StartServer): ChildProcess {
  const { dataDir, settings = {}, nodeOptions = [], shellPrelude } = options
  const entry = options.entry === undefined ? [CLI, 'serve'] : [options.entry]
  const command = [process.execPath, ...nodeOptions, ...entry]
  const env = {
    ...foreignEnvironment(),
    ...compileCache(),
    ENTREPOT_DATA_DIR: dataDir,
    ENTREPOT_PORT: '0',
    ENTREPOT_ROOT_KEY: ROOT_KEY,
    ENTREPOT_RATE_LIMITS: 'off',
    ENTREPOT_METRICS_PORT: 'off',
    ENTREPOT_DISK_RESERVE_BYTES: '0',
    ...settings,
  }
  const log = options.logFile === undefined ? undefined : openSync(options.logFile, 'a')
  const stdio: StdioOptions = ['ignore', log ?? 'pipe', 'pipe']
  const [program = '', ...args] =
    shellPrelude === undefined ? command : ['bash', '-c', `${shellPrelude}; exec "$@"`, 'bash', ...command]
  const child = spawn(program, args, { env, stdio, cwd: dataDir })
  if (log !== undefined) closeSync(log)
  return child
}

/** Settings of this test run are none of the server's, and it refuses those that it does not know. */
function foreignEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(ENTREPOT_|NODE_)/.test(name)))
}

/** Tells what a file has become longer by. */
function follow(path: string, onText: (text: string) => void): NodeJS.Timeout {
  let told = 0
  return setInterval(() => {
    const text = readFileSync(path, 'utf8')
    onText(text.slice(told))
    told = text.length
  }, 20)
}

function listeningUrl(output: string): string | undefined {
  const line = output.split('\n').find((text) => text.includes('"msg":"listening"') && text.endsWith('}'))
  return line === undefined ? undefined : (JSON.parse(line) as { http: string }).http
}

function exitOf(child: ChildProcess): Promise<Exit> {
  if (child.exitCode !== null || child.signalCode !== null)
    return Promise.resolve({ code: child.exitCode, signal: child.signalCode })
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })))
}
