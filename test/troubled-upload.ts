/** A resumable upload through connections that are cut, to a server that is killed; and what of it passed. */
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { CuttingProxy, type ProxyWatch } from './cutting-proxy.ts'
import { ROOT_KEY, ServerProcess, type StartServer } from './faults/server-process.ts'
import { VERSION } from './lightfield-client.ts'
import { newFolder } from './new-folder.ts'
import { isLong } from './rounds.ts'

const MIB = 1024 * 1024
export const UPLOAD_BYTES = (isLong ? 100 : 6) * MIB
/** Where connections are cut, counted in each from its beginning, and where the server is killed, counted in all, as shares. */
const CUTS = [0.1, 0.12, 0.09, 0.08, 0.11]
const KILLS = isLong ? [0.3, 0.9] : [0.6]
/** Between the attempts of a client; many, since a server takes its time to start. */
export const RETRY_DELAYS_MS: readonly number[] = Array.from({ length: 200 }, () => 200)

/** The same bytes for each run, and no two blocks alike. */
export function uploadBytes(): Buffer {
  const bytes = Buffer.allocUnsafe(UPLOAD_BYTES)
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(Math.imul(at + 1, 0x9e3779b1) >>> 0, at)
  return bytes
}

/** One PATCH, as it passed. */
interface Append {
  readonly offset: number
  /** The offset that the server had told last when it began. */
  readonly told: number
  bytes: number
}

/** Reads the heads of requests and answers as they pass. */
class UploadTraffic implements ProxyWatch {
  readonly appends: Append[] = []
  readonly #current = new WeakMap<object, Append>()
  #told = 0

  sent(connection: object, chunk: Buffer): void {
    const [, method] = /^([A-Z]{3,7}) \S+ HTTP\/1\.1\r\n/.exec(chunk.toString('latin1', 0, 2048)) ?? []
    if (method === undefined) {
      const append = this.#current.get(connection)
      if (append) append.bytes += chunk.byteLength
      return
    }
    this.#current.delete(connection)
    if (method !== 'PATCH') return
    const headBytes = chunk.indexOf('\r\n\r\n') + 4
    const offset = Number(/^upload-offset: (\d+)/im.exec(chunk.toString('latin1', 0, headBytes))?.[1])
    const append = { offset, told: this.#told, bytes: chunk.byteLength - headBytes }
    this.appends.push(append)
    this.#current.set(connection, append)
  }

  answered(_connection: object, chunk: Buffer): void {
    const head = /^HTTP\/1\.1 2\d\d [\s\S]*?^upload-offset: (\d+)/im.exec(chunk.toString('latin1', 0, 2048))
    if (head !== null) this.#told = Number(head[1])
  }
}

/** What became of an upload that is whole. Sizes are bytes. */
export interface Endured {
  readonly appends: number
  /** What the server did not have when the next part began, by part. */
  readonly lost: readonly number[]
}

/** A server that a client cannot rely on. */
export class TroubledServer {
  readonly #proxy: CuttingProxy
  readonly #traffic: UploadTraffic
  readonly #options: StartServer
  #server: ServerProcess
  #kills = 0
  #restarting: Promise<void> | undefined

  private constructor(
    proxy: CuttingProxy,
    traffic: UploadTraffic,
    options: StartServer,
    server: ServerProcess,
  ) {
    this.#proxy = proxy
    this.#traffic = traffic
    this.#options = options
    this.#server = server
  }

  static async start({ settings: given, ...more }: Partial<StartServer> = {}): Promise<TroubledServer> {
    const proxy = await CuttingProxy.start('http://127.0.0.1:1')
    const settings = { ENTREPOT_PUBLIC_URL: proxy.url, ...given }
    const options = { dataDir: newFolder('entrepot-troubled-'), settings, ...more }
    const server = await ServerProcess.start(options)
    proxy.target = server.url
    const traffic = new UploadTraffic()
    const troubled = new TroubledServer(proxy, traffic, options, server)
    proxy.cutAfter(...CUTS.map((share) => Math.round(share * UPLOAD_BYTES)))
    proxy.watch = {
      sent: (connection, chunk) => {
        traffic.sent(connection, chunk)
        troubled.#killInTime()
      },
      answered: (connection, chunk) => traffic.answered(connection, chunk),
    }
    return troubled
  }

  /** Of the proxy. */
  get url(): string {
    return this.#proxy.url
  }

  async stop(): Promise<void> {
    await this.#restarting
    await this.#proxy.stop()
    await this.#server.end('SIGKILL')
  }

  /**
   * Fails unless the upload went through all the trouble, and each part of it began where the server had told that it goes on:
   * then nothing was sent again that the server had.
   */
  judge(sha256: string, content: Uint8Array): Endured {
    assert.equal(this.#proxy.cutsLeft, 0)
    assert.equal(this.#kills, KILLS.length)
    const { appends } = this.#traffic
    let least = 0
    for (const { offset, told } of appends) {
      assert.equal(offset, told)
      assert.ok(offset >= least, `an upload went back from ${least} to ${offset}`)
      least = offset
    }
    assert.equal(content.byteLength, UPLOAD_BYTES)
    assert.equal(hash('sha256', content), sha256)
    const lost = appends.map(
      ({ offset, bytes }, at) => offset + bytes - (appends[at + 1]?.offset ?? UPLOAD_BYTES),
    )
    return { appends: appends.length, lost }
  }

  #killInTime(): void {
    const share = KILLS[this.#kills]
    if (share === undefined || this.#proxy.passedBytes < share * UPLOAD_BYTES || this.#restarting) return
    this.#kills++
    this.#restarting = this.#restart().finally(() => {
      this.#restarting = undefined
    })
  }

  async #restart(): Promise<void> {
    await this.#server.end('SIGKILL')
    this.#server = await ServerProcess.start(this.#options)
    this.#proxy.target = this.#server.url
  }
}

/** The one file of a server, and its bytes. */
export async function storedBytes(url: string) {
  const headers = { authorization: `Bearer ${ROOT_KEY}` }
  const { data } = await jsonOf<{ data: readonly StoredFile[] }>(`${url}/lightfield/v1/files`, headers)
  const [file = assert.fail('nothing is stored')] = data
  const link = await jsonOf<{ url: string }>(`${url}/lightfield/v1/files/${file.id}/url`, headers)
  return { file, content: new Uint8Array(await (await fetch(link.url)).arrayBuffer()) }
}

interface StoredFile {
  readonly id: string
  readonly filename: string
  readonly mimeType: string
}

async function jsonOf<T>(url: string, headers: Record<string, string>): Promise<T> {
  const answer = await fetch(url, { headers: { ...headers, 'lightfield-version': VERSION } })
  return (await answer.json()) as T
}
