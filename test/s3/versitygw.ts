import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { TEST_BUCKET, testCredentials } from './server.ts'

/** The program, by its path or a name that PATH leads to. `.ci/run` builds it where there is Go. */
const PROGRAM = process.env.ENTREPOT_TEST_VERSITYGW ?? 'versitygw'
const START_MS = 10_000

/**
 * Why versitygw cannot be tested against here; undefined if it can.
 * @throws Error if `ENTREPOT_TEST_REQUIRED` names it: then it must not be skipped
 */
export function whyNoVersitygw(): string | undefined {
  try {
    execFileSync(PROGRAM, ['--version'], { stdio: 'ignore' })
    return undefined
  } catch {
    const reason = `only where there is ${PROGRAM}: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0`
    if (process.env.ENTREPOT_TEST_REQUIRED?.split(',').includes('versitygw')) throw new Error(reason)
    return reason
  }
}

/** A real S3 server that keeps objects as files of a folder of its own. */
export class Versitygw {
  readonly bucket = TEST_BUCKET
  readonly credentials = testCredentials
  readonly endpoint: string
  readonly #folder: string
  readonly #process: ChildProcess

  private constructor(endpoint: string, folder: string, process: ChildProcess) {
    this.endpoint = endpoint
    this.#folder = folder
    this.#process = process
  }

  static async start(): Promise<Versitygw> {
    const folder = await mkdtemp(join(tmpdir(), 'entrepot-versitygw-'))
    for (const name of [join('buckets', TEST_BUCKET), 'metadata', 'versions'])
      await mkdir(join(folder, name), { recursive: true })
    const port = await freePort()
    const { accessKeyId, secretAccessKey } = testCredentials
    // Metadata beside the files: attributes of files are not to be had on every file system.
    const beside = ['--sidecar', join(folder, 'metadata'), '--versioning-dir', join(folder, 'versions')]
    const options = ['posix', ...beside, join(folder, 'buckets')]
    const child = spawn(PROGRAM, ['--quiet', '--port', `127.0.0.1:${port}`, '--keep-alive', ...options], {
      env: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey, PATH: process.env.PATH },
      stdio: 'ignore',
    })
    const server = new Versitygw(`http://127.0.0.1:${port}`, folder, child)
    await server.#answers()
    return server
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve))
    if (this.#process.exitCode === null && this.#process.kill('SIGKILL')) await ended
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #answers(): Promise<void> {
    for (const end = Date.now() + START_MS; ; await delay(20)) {
      if (
        await fetch(this.endpoint).then(
          () => true,
          () => false,
        )
      )
        return
      if (this.#process.exitCode !== null || Date.now() > end) {
        await this.stop()
        throw new Error('versitygw did not start')
      }
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
