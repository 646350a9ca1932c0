import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterThisProcess } from '../after-process.ts'
import { newFolder } from '../new-folder.ts'

/** Programs that may be there, the one that the tests are told of first. */
const programs = [process.env.ENTREPOT_TEST_CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome']
const found = programs.find((program) => program !== undefined && isThere(program))

/**
 * Why there is no browser to test with; false if there is one.
 * @throws Error if `ENTREPOT_TEST_REQUIRED` names it: then it must not be skipped
 */
export function whyNoChromium(): string | false {
  if (found !== undefined) return false
  const reason = 'only where there is chromium, or ENTREPOT_TEST_CHROMIUM names it'
  if (process.env.ENTREPOT_TEST_REQUIRED?.split(',').includes('chromium')) throw new Error(reason)
  return reason
}

function isThere(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** The path of the browser to test with. @throws Error where `whyNoChromium` gives a reason */
export function chromiumProgram(): string {
  if (found === undefined) throw new Error('there is no Chromium')
  return execFileSync('/bin/sh', ['-c', 'command -v "$1"', 'sh', found], { encoding: 'utf8' }).trim()
}

/** An answer, or an event, of the DevTools protocol. */
interface Message {
  readonly id?: number
  readonly result?: unknown
  readonly error?: { readonly message: string }
}

interface Evaluated {
  readonly result: { readonly value: unknown }
  readonly exceptionDetails?: { readonly exception?: { readonly description?: string } }
}

/** A headless Chromium with one page, driven by the DevTools protocol. */
export class Chromium {
  readonly #process: ChildProcess
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #sessionId: string | undefined
  #lastId = 0

  private constructor(process: ChildProcess, socket: WebSocket) {
    this.#process = process
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => this.#onMessage(JSON.parse(String(data)) as Message))
  }

  static async start(): Promise<Chromium> {
    const child = spawn(
      chromiumProgram(),
      [
        '--headless=new',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        '--no-first-run',
        '--remote-debugging-port=0',
        `--user-data-dir=${newFolder('entrepot-chromium-')}`,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    afterThisProcess('kill -9 "$1" 2>/dev/null', String(child.pid))
    const socket = new WebSocket(await debuggerOf(child))
    await once(socket, 'open')
    return new Chromium(child, socket)
  }

  async open(url: string): Promise<void> {
    const { targetId } = (await this.#send('Target.createTarget', { url })) as { targetId: string }
    const attached = await this.#send('Target.attachToTarget', { targetId, flatten: true })
    this.#sessionId = (attached as { sessionId: string }).sessionId
    const isOpen = `location.href === ${JSON.stringify(url)} && document.readyState === 'complete'`
    while ((await this.evaluate(isOpen)) !== true);
  }

  /** Runs a script in the page. @returns what it, or its promise, comes to; JSON values only */
  async evaluate(expression: string): Promise<unknown> {
    const options = { expression, awaitPromise: true, returnByValue: true }
    const { result, exceptionDetails } = (await this.#send('Runtime.evaluate', options)) as Evaluated
    if (exceptionDetails === undefined) return result.value
    throw new Error(exceptionDetails.exception?.description ?? JSON.stringify(exceptionDetails))
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await ended
  }

  #send(method: string, params: object): Promise<unknown> {
    const id = ++this.#lastId
    const waiting = Promise.withResolvers<unknown>()
    this.#waiting.set(id, waiting)
    this.#socket.send(JSON.stringify({ id, method, params, sessionId: this.#sessionId }))
    return waiting.promise
  }

  #onMessage({ id = 0, result, error }: Message): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(result)
    else waiting?.reject(new Error(error.message))
  }
}

async function debuggerOf(child: ChildProcess): Promise<string> {
  if (child.stderr === null) throw new Error('nobody reads what Chromium tells')
  for await (const line of createInterface(child.stderr)) {
    const [, url] = /DevTools listening on (\S+)/.exec(line) ?? []
    if (url !== undefined) {
      child.stderr.resume()
      return url
    }
  }
  throw new Error('Chromium did not start')
}
