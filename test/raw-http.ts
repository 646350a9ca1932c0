import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** Longer than any answer should take; a test that waits for it fails. */
const PATIENCE_MS = 20_000

/** A connection on which a test says exactly what it wants, line ends included. */
export class RawConnection {
  readonly #socket: Socket
  #received = ''
  #ended = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      this.#received += text
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#ended = true
    })
  }

  static async open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    return new RawConnection(socket)
  }

  /** Everything that came in so far. */
  get received(): string {
    return this.#received
  }

  get isClosed(): boolean {
    return this.#ended
  }

  /** What was written and the server's side has not taken. */
  get unsentBytes(): number {
    return this.#socket.writableLength
  }

  /** Reads no more, until it is resumed. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  write(text: string | Uint8Array): void {
    this.#socket.write(text)
  }

  /** Waits until what came in matches, or the connection is over. @returns everything that came in */
  async until(pattern: RegExp): Promise<string> {
    for (const start = Date.now(); !pattern.test(this.#received) && !this.#ended; await delay(2)) {
      if (Date.now() - start > PATIENCE_MS) throw new Error(`waited in vain; received: ${this.#received}`)
    }
    return this.#received
  }

  async closed(): Promise<string> {
    return this.until(/(?!)/)
  }

  /** Writes a last text and closes this half of the connection; answers can still be read. */
  finish(text: string): void {
    this.#socket.end(text)
  }

  /** Goes away without a word. */
  reset(): void {
    this.#socket.resetAndDestroy()
  }

  end(): void {
    this.#socket.destroy()
  }
}

/** The status, headers and body of the first answer in a text; the body is what follows, as it came. */
export function readAnswer(text: string): {
  status: number
  headers: ReadonlyMap<string, string>
  body: string
} {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [line = '', ...fields] = head.split('\r\n')
  const headers = fields.map((field) => {
    const colon = field.indexOf(':')
    return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const
  })
  return { status: Number(line.split(' ')[1]), headers: new Map(headers), body: rest.join('\r\n\r\n') }
}

/** Sends one text and reads the answer until the connection ends; a closing header is the sender's affair. */
export async function sendRaw(url: string, text: string | Uint8Array) {
  const connection = await RawConnection.open(url)
  try {
    connection.write(text)
    const received = await connection.until(/^HTTP[\s\S]*?\r\n\r\n/)
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(received)?.[1] ?? 0)
    return readAnswer(await connection.until(new RegExp(`\\r\\n\\r\\n[\\s\\S]{${length}}`)))
  } finally {
    connection.end()
  }
}
