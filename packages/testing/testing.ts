import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

export interface StartOptions {
  /** Settings of the server besides ours: `{ ENTREPOT_FIDELITY: 'strict' }`. Rate limits are off unless set here. */
  readonly env?: Readonly<Record<string, string>>
  /** Whether gRPC is served, too, which takes some time to load. Default: false. */
  readonly grpc?: boolean
  /** Path of `entrepot.js`. Default: that of the package `entrepot` beside this one, or in the current folder. */
  readonly bin?: string
  /** Where the log of the server goes. Default: nowhere. */
  readonly log?: (line: string) => void
  /** How long the start may take, in milliseconds. Default: 30,000. */
  readonly timeoutMs?: number
}

export interface KeyOptions {
  readonly name?: string
  /** What it may do; all if left out. */
  readonly scopes?: readonly ('files:create' | 'files:read' | 'files:update' | 'files:delete')[]
  readonly admin?: boolean
  readonly fidelity?: 'open' | 'strict'
}

/** Seconds, or a text like `90s`, `2h` or `1d12h`. */
export type Span = number | string

/** What goes wrong with the next requests of a route. A status, the cuts and `loseAnswer` exclude each other. */
export interface Fault {
  /** A method and a path, each with `*` for any text: `POST /v1/files*`. Also found below the name of an API. */
  readonly route: string
  /** How many requests. Default: 1. */
  readonly times?: number
  readonly delayMs?: number
  /** Answered instead of any work; from 400 on as an error of the API that is asked. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** A text as it is, anything else as JSON. */
  readonly body?: unknown
  readonly cutAnswerAfterBytes?: number
  readonly cutRequestAfterBytes?: number
  /** The work is done, and the connection ends in place of the answer. */
  readonly loseAnswer?: boolean
}

/** A request that is over. Holds no keys, links, names or contents. */
export interface JournalEntry {
  readonly seq: number
  /** ISO 8601, by the clock of the server. */
  readonly at: string
  readonly durationMs: number
  readonly requestId: string
  readonly method: string
  /** As declared: `/v1/files/:id`. */
  readonly route: string
  readonly dialect: string | null
  readonly status: number | string | null
  /** Whether the whole answer was sent. */
  readonly complete: boolean
  /** The id of the fault that happened to it. */
  readonly fault: string | null
  readonly fileId?: string
  readonly organizationId?: string
}

/** The base URL of each API's SDK. */
export interface BaseUrls {
  readonly openai: string
  readonly anthropic: string
  readonly gemini: string
  readonly mistral: string
  readonly llamacloud: string
  readonly lightfield: string
  /** Of REST; gRPC is at `grpcAddress`. */
  readonly yandex: string
}

interface Listening {
  readonly http: string
  readonly grpc: string | null
}

const SETTINGS = {
  ENTREPOT_EMULATOR: 'on',
  ENTREPOT_HOST: '127.0.0.1',
  ENTREPOT_PORT: '0',
  ENTREPOT_METRICS_PORT: 'off',
  ENTREPOT_RATE_LIMITS: 'off',
  ENTREPOT_KEY_GUESSES_PER_SECOND: 'off',
  ENTREPOT_DISK_RESERVE_BYTES: '0',
  ENTREPOT_LOG_FORMAT: 'json',
  ENTREPOT_LOG_LEVEL: 'info',
}

/** Of the environment, what is meant for the tests alone. */
const NOT_INHERITED = /^(ENTREPOT_|npm_|NODE_OPTIONS$|NODE_TEST_CONTEXT$|OTEL_)/

/** At which the log has the line that a start ends with. */
const READABLE_LEVELS = ['trace', 'debug', 'info']

/** A server that does not end by itself is killed. */
const END_MS = 5_000

/** Enough to say why a start failed. */
const MAX_OUTPUT_CHARACTERS = 8192

/**
 * Starts a server of its own, on free ports of 127.0.0.1, in a folder that is removed with it. It ends with `stop`, and with
 * this process, however that ends; it keeps nobody from ending.
 * @throws Error that says why, if it does not start
 */
export async function startEntrepot(options: StartOptions = {}): Promise<Entrepot> {
  const { env = {}, grpc = false, bin = findBin(), log, timeoutMs = 30_000 } = options
  if (!statSync(bin, { throwIfNoEntry: false })?.isFile())
    throw new Error(`There is no file ${bin}; bin is the path of entrepot.js.`)
  requireReadableLog(env)
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-testing-'))
  const key = `root-${randomBytes(24).toString('base64url')}`
  const settings = {
    ...inherited(),
    ...SETTINGS,
    ENTREPOT_DATA_DIR: join(folder, 'data'),
    ENTREPOT_ROOT_KEY: key,
    ENTREPOT_GRPC_PORT: grpc ? '0' : 'off',
    ...env,
  }
  const child = spawn(process.execPath, ['--import', endWithParent(folder), bin, 'serve'], {
    env: settings,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  try {
    const listening = await untilListening(child, timeoutMs, log)
    return new Entrepot({ child, folder, bin, settings }, settings.ENTREPOT_ROOT_KEY, listening)
  } catch (error) {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

interface Running {
  readonly child: ChildProcess
  readonly folder: string
  readonly bin: string
  readonly settings: NodeJS.ProcessEnv
}

/** A server that runs. */
export class Entrepot implements AsyncDisposable {
  /** Of the server, without a slash at its end. */
  readonly url: string
  /** The key of an admin. */
  readonly key: string
  readonly baseUrls: BaseUrls
  /** `host:port`, if gRPC was asked for. */
  readonly grpcAddress: string | undefined
  readonly #running: Running
  #stopped: Promise<void> | undefined

  /** @internal */
  constructor(running: Running, key: string, { http, grpc }: Listening) {
    this.#running = running
    this.key = key
    this.url = http
    this.grpcAddress = grpc ?? undefined
    this.baseUrls = {
      openai: `${http}/openai/v1`,
      anthropic: `${http}/anthropic`,
      gemini: `${http}/gemini`,
      mistral: `${http}/mistral`,
      llamacloud: `${http}/llamacloud`,
      lightfield: `${http}/lightfield`,
      yandex: `${http}/yandex`,
    }
  }

  /** Another key of the project `default`. Takes the time of a command. */
  async createKey({ name = 'test', scopes = [], admin, fidelity }: KeyOptions = {}): Promise<string> {
    const { bin, settings } = this.#running
    const args = ['key', 'create', '--name', name, ...scopes.flatMap((scope) => ['--scope', scope])]
    if (admin) args.push('--admin', '--user', name)
    if (fidelity !== undefined) args.push('--fidelity', fidelity)
    const { stdout } = await promisify(execFile)(process.execPath, [bin, ...args], { env: settings })
    return stdout.trim()
  }

  /** Moves the time that people see. What has ended by then is gone when this resolves. @returns the new time */
  advanceTime(by: Span): Promise<Date> {
    return this.#changeClock({ advance: by })
  }

  /** As `advanceTime`, to a time that must not be before the present. */
  setTime(to: Date): Promise<Date> {
    return this.#changeClock({ set: to.toISOString() })
  }

  /** Time stands still until `unfreezeTime`, but for `advanceTime` and `setTime`. @returns the time at which it stands */
  freezeTime(): Promise<Date> {
    return this.#changeClock({ freeze: true })
  }

  unfreezeTime(): Promise<Date> {
    return this.#changeClock({ freeze: false })
  }

  async now(): Promise<Date> {
    const { now } = await this.#ask<{ now: string }>('GET', 'clock')
    return new Date(now)
  }

  /** @returns its id, which entries of the journal name */
  async injectFault(fault: Fault): Promise<string> {
    return (await this.#ask<{ id: string }>('POST', 'faults', fault)).id
  }

  async clearFaults(): Promise<void> {
    await this.#ask('DELETE', 'faults')
  }

  /** The last requests, a thousand at most, oldest first. @param since only those after the one of this number */
  async journal(since = 0): Promise<readonly JournalEntry[]> {
    const { entries } = await this.#ask<{ entries: readonly JournalEntry[] }>('GET', `journal?since=${since}`)
    return entries
  }

  /** As after the start: no files, no keys but `key`, no faults, an empty journal, the time of the machine. */
  async reset(): Promise<void> {
    await this.#ask('POST', 'reset')
  }

  /** Ends the server and removes its folder. Stopping twice is stopping once. */
  stop(): Promise<void> {
    this.#stopped ??= this.#end()
    return this.#stopped
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #end(): Promise<void> {
    const { child, folder } = this.#running
    await ended(child)
    rmSync(folder, { recursive: true, force: true })
  }

  async #changeClock(change: object): Promise<Date> {
    const { now } = await this.#ask<{ now: string }>('POST', 'clock', change)
    return new Date(now)
  }

  async #ask<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.url}/-/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const answer = text === '' ? undefined : JSON.parse(text)
    if (response.ok) return answer
    throw new Error(answer?.error?.message ?? `${method} /-/${path} was answered with ${response.status}`)
  }
}

/** The log tells where the server listens. @throws Error if it would not */
function requireReadableLog({
  ENTREPOT_LOG_FORMAT: format,
  ENTREPOT_LOG_LEVEL: level,
}: StartOptions['env'] = {}): void {
  if (format !== undefined && format !== 'json')
    throw new Error(`ENTREPOT_LOG_FORMAT must be json here, where the log tells of the start, not ${format}.`)
  if (level !== undefined && !READABLE_LEVELS.includes(level))
    throw new Error(
      `ENTREPOT_LOG_LEVEL must be one of ${READABLE_LEVELS.join(', ')} here, where the log tells of the start, not ${level}.`,
    )
}

/** @throws Error if the package is not there */
function findBin(): string {
  try {
    const manifest = require.resolve('entrepot/package.json', { paths: [__dirname, process.cwd()] })
    return join(dirname(manifest), 'bin/entrepot.js')
  } catch {
    throw new Error(
      'The package entrepot is not installed; run npm install --save-dev entrepot, or name its bin.',
    )
  }
}

function inherited(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !NOT_INHERITED.test(name)))
}

/**
 * A module that ends the server at once when the pipe to this process is closed: by `stop`, or by the end of this process,
 * however it ends. Nothing of the server is kept but its compiled code, which makes the next start twice as fast.
 */
function endWithParent(folder: string): string {
  const code = `
    import { rmSync } from 'node:fs'
    import { flushCompileCache } from 'node:module'
    import { isMainThread } from 'node:worker_threads'
    if (isMainThread) process.stdin.on('error', () => undefined).on('close', () => {
      try {
        flushCompileCache()
        rmSync(${JSON.stringify(folder)}, { recursive: true, force: true })
      } finally {
        process.kill(process.pid, 'SIGKILL')
      }
    }).resume()`
  return `data:text/javascript,${encodeURIComponent(code)}`
}

function untilListening(
  child: ChildProcess,
  timeoutMs: number,
  log: StartOptions['log'],
): Promise<Listening> {
  return new Promise((resolve, reject) => {
    let said = ''
    let line = ''
    const fail = (what: string) => {
      clearTimeout(timer)
      reject(new Error(`Entrepot ${what}.\n${said}`.trim()))
    }
    const timer = setTimeout(() => fail(`did not start in ${timeoutMs} ms`), timeoutMs)
    child.once('error', ({ message }) => fail(`could not be started: ${message}`))
    child.once('exit', (code, signal) => fail(`ended with ${signal ?? code} before it listened`))
    const hear = (text: string) => {
      if (said.length < MAX_OUTPUT_CHARACTERS) said += text
      const lines = (line + text).split('\n')
      line = lines.pop() ?? ''
      for (const each of lines) {
        log?.(each)
        const listening = listeningIn(each)
        if (listening === undefined) continue
        clearTimeout(timer)
        letGo(child)
        resolve(listening)
      }
    }
    child.stdout?.setEncoding('utf8').on('data', hear)
    child.stderr?.setEncoding('utf8').on('data', hear)
  })
}

function listeningIn(line: string): Listening | undefined {
  if (!line.includes('"msg":"listening"')) return undefined
  return JSON.parse(line)
}

/** The server keeps a process that has nothing else to do from ending no longer. */
function letGo(child: ChildProcess): void {
  child.unref()
  for (const stream of child.stdio) (stream as { unref?: () => void } | null)?.unref?.()
}

/** Closes the pipe, and resolves once the process has ended. */
function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    const timer = setTimeout(() => child.kill('SIGKILL'), END_MS)
    child.ref()
    child.once('exit', () => {
      clearTimeout(timer)
      resolve()
    })
    child.stdin?.end()
  })
}
