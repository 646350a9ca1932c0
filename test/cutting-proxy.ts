import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Sees what passes, chunk by chunk; `connection` is one object for each. */
export interface ProxyWatch {
  sent(connection: object, chunk: Buffer): void
  answered(connection: object, chunk: Buffer): void
}

/** Stands before a server and breaks connections off in the middle of what their clients send. */
export class CuttingProxy {
  readonly #server = createServer((client) => this.#pass(client))
  readonly #cuts: number[] = []
  readonly #open = new Set<Socket>()
  #target: URL
  #stall: { readonly bytes: number; readonly resolve: () => void } | undefined
  /** Bytes of clients that were passed on. */
  passedBytes = 0
  watch: ProxyWatch | undefined

  private constructor(target: string) {
    this.#target = new URL(target)
  }

  static async start(target: string): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** New connections go to another server. */
  set target(url: string) {
    this.#target = new URL(url)
  }

  /** The first connection whose client sends more than the first number of bytes ends there; the next by the second; and so on. */
  cutAfter(...bytes: readonly number[]): void {
    this.#cuts.push(...bytes)
  }

  /** The first connection whose client sends more than so many bytes is read no further. @returns when that happens */
  stallAfter(bytes: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#stall = { bytes, resolve }
    return promise
  }

  get cutsLeft(): number {
    return this.#cuts.length
  }

  async stop(): Promise<void> {
    this.#server.close()
    for (const socket of this.#open) socket.destroy()
    await once(this.#server, 'close')
  }

  #pass(client: Socket): void {
    const server = connect(Number(this.#target.port), this.#target.hostname)
    this.#bind(client, server)
    this.#bind(server, client)
    server.on('data', (chunk: Buffer) => this.watch?.answered(client, chunk))
    server.pipe(client)
    let sentBytes = 0
    client.on('data', (chunk: Buffer) => {
      const room = (this.#cuts[0] ?? Number.POSITIVE_INFINITY) - sentBytes
      const passed = chunk.subarray(0, Math.max(0, room))
      sentBytes += chunk.byteLength
      this.passedBytes += passed.byteLength
      this.watch?.sent(client, passed)
      const isTaken = server.write(passed)
      if (this.#stall && sentBytes > this.#stall.bytes) {
        client.pause()
        this.#stall.resolve()
        this.#stall = undefined
      } else if (chunk.byteLength > room) {
        this.#cuts.shift()
        client.resetAndDestroy()
      } else if (!isTaken) {
        client.pause()
        server.once('drain', () => client.resume())
      }
    })
    client.on('end', () => server.end())
  }

  /** What was passed on to the other end still arrives. */
  #bind(socket: Socket, other: Socket): void {
    this.#open.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => {
      this.#open.delete(socket)
      other.destroySoon()
    })
  }
}
