import assert from 'node:assert/strict'
import type { toRequestBody } from '../src/admin/operating/wire.ts'

/** A test that waits for an event which never comes fails, and does not hang. */
const PATIENCE_MS = 30_000

export interface TailEvent {
  readonly event: string
  /** Of a `request`; others have fields of their own. */
  readonly data: ReturnType<typeof toRequestBody>
}

/** Reads server-sent events (HTML, "Server-sent events") of one connection, in their order; comments are left out. */
export class SseReader {
  readonly headers: Headers
  readonly #reader: ReadableStreamDefaultReader<string>
  #text = ''
  readonly #events: TailEvent[] = []

  private constructor({ headers, body }: Response) {
    this.headers = headers
    this.#reader = (body ?? assert.fail('no body')).pipeThrough(new TextDecoderStream()).getReader()
  }

  static async open(url: string, key: string): Promise<SseReader> {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const response = await fetch(url, { headers: { authorization: `Bearer ${key}` }, signal })
    assert.equal(response.status, 200)
    return new SseReader(response)
  }

  async take(count: number): Promise<readonly TailEvent[]> {
    while (this.#events.length < count) assert.ok(await this.#read(), 'the events ended')
    return this.#events.splice(0, count)
  }

  /** Everything up to the one that is looked for. */
  async until(isLast: (event: TailEvent) => boolean): Promise<readonly TailEvent[]> {
    for (;;) {
      const at = this.#events.findIndex(isLast)
      if (at >= 0) return this.#events.splice(0, at + 1)
      assert.ok(await this.#read(), 'the events ended')
    }
  }

  /** Until the server ends them. */
  async rest(): Promise<readonly TailEvent[]> {
    while (await this.#read());
    return this.#events.splice(0)
  }

  async close(): Promise<void> {
    await this.#reader.cancel()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #read(): Promise<boolean> {
    const { done, value } = await this.#reader.read()
    if (done) return false
    this.#text += value
    const blocks = this.#text.split('\n\n')
    this.#text = blocks.pop() ?? ''
    for (const block of blocks) {
      const [, event] = /^event: (.*)$/m.exec(block) ?? []
      const [, data] = /^data: (.*)$/m.exec(block) ?? []
      if (event !== undefined) this.#events.push({ event, data: JSON.parse(data ?? 'null') })
    }
    return true
  }
}
