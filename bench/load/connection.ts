import { connect, type Socket } from 'node:net'
import { Answer } from './answer.ts'

/** Silence for that long fails the run instead of hanging it. */
const STALLED_MS = 60_000

export interface Ask {
  /** Streamed after `request`, one write each. */
  readonly pieces?: Iterable<Buffer>
  /** The answer's body must be that much of the pattern. */
  readonly expectedBytes?: number
}

/**
 * One keep-alive connection, one request at a time. A raw socket that reads into one buffer: about a third of what Node's
 * own client takes of the machine that it shares with the server.
 */
export class Connection {
  readonly #socket: Socket
  #answer: Answer | undefined
  #waiting: PromiseWithResolvers<Answer> | undefined

  private constructor(url: URL, readBytes: number) {
    const callback = (length: number, buffer: Uint8Array): boolean => {
      this.#take(Buffer.from(buffer.buffer, buffer.byteOffset, length))
      return true
    }
    this.#socket = connect({
      host: url.hostname,
      port: Number(url.port),
      noDelay: true,
      onread: { buffer: Buffer.alloc(readBytes), callback },
    })
    this.#socket.setTimeout(STALLED_MS, () => this.#fail(new Error('the server makes no progress')))
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error('the server closed a connection')))
  }

  /** @param readBytes of the buffer that the socket reads into */
  static async open(url: string, readBytes: number): Promise<Connection> {
    const connection = new Connection(new URL(url), readBytes)
    await new Promise((resolve, reject) => connection.#socket.once('connect', resolve).once('error', reject))
    return connection
  }

  /** @throws Error on a status that is no success, another body than expected, a broken connection */
  async ask(request: Buffer, { pieces, expectedBytes }: Ask = {}): Promise<Answer> {
    if (this.#socket.destroyed) throw new Error('the server closed a connection')
    this.#answer = new Answer(expectedBytes)
    this.#waiting = Promise.withResolvers<Answer>()
    this.#socket.write(request)
    const { promise } = this.#waiting
    if (pieces !== undefined) await Promise.race([this.#send(pieces), promise])
    const answer = await promise
    if (answer.status < 200 || answer.status >= 300) throw new Error(`${answer.head}\n${answer.text}`)
    return answer
  }

  close(): void {
    this.#waiting = undefined
    this.#socket.destroy()
  }

  async #send(pieces: Iterable<Buffer>): Promise<void> {
    for (const piece of pieces)
      if (!this.#socket.write(piece)) await new Promise((resolve) => this.#socket.once('drain', resolve))
  }

  #take(bytes: Buffer): void {
    try {
      if (this.#answer === undefined) throw new Error(`bytes that nobody asked for: ${bytes}`)
      if (!this.#answer.add(bytes)) return
      const answer = this.#answer
      this.#answer = undefined
      this.#waiting?.resolve(answer)
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error)
    this.#socket.destroy()
  }
}
