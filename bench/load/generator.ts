import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Order, Reply } from './generator-process.ts'
import type { LoadResult } from './run-load.ts'

/** Beyond the time of the load: making files to read, sending large bodies, comparing. */
const PATIENCE_MS = 120_000

/** The process that makes the load. */
export class Generator {
  readonly #child: ChildProcess = fork(join(import.meta.dirname, 'generator-process.ts'))

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** @throws Error if the load met an error, or took too long; then the process is ended */
  async run(order: Order): Promise<LoadResult> {
    const signal = AbortSignal.timeout(order.load.seconds * 1000 + PATIENCE_MS)
    try {
      this.#child.send(order)
      const [reply] = (await once(this.#child, 'message', { signal })) as [Reply]
      if ('error' in reply) throw new Error(reply.error)
      return reply.result
    } catch (error) {
      if (signal.aborted) this.end()
      throw error
    }
  }

  end(): void {
    this.#child.kill('SIGKILL')
  }
}
