/** Uploads of Gemini's clients through connections that are cut at random, to a server that is killed: byte by byte the same. */
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { CuttingProxy } from '../cutting-proxy.ts'
import { ROOT_KEY, ServerProcess } from '../faults/server-process.ts'
import { command, type FileBody, GeminiClient } from '../gemini-client.ts'
import { newFolder } from '../new-folder.ts'
import { isLong, rounds } from '../rounds.ts'
import { SeededRandom } from '../seeded-random.ts'
import { sdks } from './gemini-sdk.ts'

const MIB = 1024 * 1024
const UPLOAD_BYTES = (isLong ? 100 : 24) * MIB
const CUTS = isLong ? 20 : 6
/** When the server is killed, by what has passed of its clients, as shares of the upload. */
const KILLS = [0.35, 0.9]

/** Its clients talk to a proxy, so that its address stays. */
class FragileServer {
  readonly #proxy: CuttingProxy
  readonly #dataDir: string
  #server: ServerProcess
  #killed = 0
  #restarting: Promise<void> | undefined

  private constructor(proxy: CuttingProxy, dataDir: string, server: ServerProcess) {
    this.#proxy = proxy
    this.#dataDir = dataDir
    this.#server = server
    proxy.target = server.url
    proxy.watch = { sent: () => this.#killInTime(), answered: () => undefined }
  }

  static async start(): Promise<FragileServer> {
    const proxy = await CuttingProxy.start('http://127.0.0.1:1')
    const dataDir = newFolder('entrepot-fragile-')
    return new FragileServer(proxy, dataDir, await startServer(dataDir, proxy.url))
  }

  get url(): string {
    return this.#proxy.url
  }

  readonly key = ROOT_KEY

  /** Cuts connections after so many of the bytes that their clients send. */
  cutAfter(bytes: readonly number[]): void {
    this.#proxy.cutAfter(...bytes)
  }

  get kills(): number {
    return this.#killed
  }

  get cutsLeft(): number {
    return this.#proxy.cutsLeft
  }

  async stop(): Promise<void> {
    await this.#restarting
    await this.#proxy.stop()
    await this.#server.end('SIGKILL')
  }

  #killInTime(): void {
    const share = KILLS[this.#killed]
    if (share === undefined || this.#proxy.passedBytes < share * UPLOAD_BYTES || this.#restarting) return
    this.#killed++
    this.#restarting = this.#restart().finally(() => {
      this.#restarting = undefined
    })
  }

  async #restart(): Promise<void> {
    await this.#server.end('SIGKILL')
    this.#server = await startServer(this.#dataDir, this.#proxy.url)
    this.#proxy.target = this.#server.url
  }
}

function startServer(dataDir: string, publicUrl: string): Promise<ServerProcess> {
  return ServerProcess.start({ dataDir, settings: { ENTREPOT_PUBLIC_URL: publicUrl } })
}

/** Puts the whole file behind the URL of an upload, in pieces of any size; asks where to go on after each failure. */
async function uploadResumed(url: string, bytes: Buffer, random: SeededRandom): Promise<FileBody> {
  for (let attempts = 0; attempts < 1000; attempts++) {
    try {
      const { state, received, body } = await command(url, 'query')
      if (state === 'final') return body.file
      for (let offset = received ?? assert.fail('no offset'); ; ) {
        const end = Math.min(bytes.length, offset + random.between(1, 12 * MIB))
        const name = end === bytes.length ? 'Upload,finalize' : 'upload'
        const answer = await command(url, name, bytes.subarray(offset, end), offset)
        if (answer.state === 'final') return answer.body.file
        assert.deepEqual([answer.status, answer.received], [200, end])
        offset = end
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      await delay(100)
    }
  }
  throw new Error('the upload never ended')
}

/** The SDK repeats what a server refuses, and leaves broken connections to the `fetch` that it is given. */
const fetchAgain: typeof fetch = async (input, init) => {
  for (let attempts = 0; ; attempts++) {
    try {
      return await fetch(input, init)
    } catch (error) {
      if (attempts === 1000) throw error
      await delay(100)
    }
  }
}

async function assertStored(
  server: FragileServer,
  { downloadUri, sizeBytes, sha256Hash }: FileBody,
  bytes: Buffer,
) {
  assert.equal(sizeBytes, String(bytes.length))
  assert.equal(sha256Hash, hash('sha256', bytes, 'base64'))
  const answer = await fetch(downloadUri ?? '', { headers: { 'x-goog-api-key': server.key } })
  assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes))
}

const skip =
  process.env.ENTREPOT_TEST_STORES === undefined ? false : 'only on SQLite and a disk: it kills the server'

test('a client that asks where to go on uploads through cut connections and killed servers', {
  skip,
}, async (t) => {
  for (let round = 0; round < rounds({ short: 1, long: 2 }); round++) {
    const seed = Math.floor(Math.random() * 2 ** 32)
    t.diagnostic(`seed ${seed}`)
    const random = new SeededRandom(seed)
    const server = await FragileServer.start()
    t.after(() => server.stop())
    const bytes = random.bytes(UPLOAD_BYTES)
    const url = await new GeminiClient(server).started(bytes.length)
    server.cutAfter(Array.from({ length: CUTS }, () => random.between(1, UPLOAD_BYTES / CUTS)))
    const file = await uploadResumed(url, bytes, random)
    assert.deepEqual([server.kills, server.cutsLeft], [KILLS.length, 0])
    await assertStored(server, file, bytes)
  }
})

for (const sdk of sdks)
  test(`@google/genai ${sdk.version} sends the same chunks again through cut connections to killed servers`, {
    skip,
  }, async (t) => {
    const seed = Math.floor(Math.random() * 2 ** 32)
    t.diagnostic(`seed ${seed}`)
    const random = new SeededRandom(seed)
    const server = await FragileServer.start()
    t.after(() => server.stop())
    const bytes = random.bytes(UPLOAD_BYTES)
    const path = join(newFolder('entrepot-gemini-'), 'large.bin')
    await writeFile(path, bytes)
    server.cutAfter(Array.from({ length: CUTS }, () => random.between(1024, UPLOAD_BYTES / CUTS)))
    const { files } = sdk.client(server, { fetch: fetchAgain })
    const file = await files.upload({ file: path, config: { mimeType: 'application/x-own' } })
    assert.deepEqual([server.kills, server.cutsLeft], [KILLS.length, 0])
    await assertStored(server, file as FileBody, bytes)
  })
