import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { ConfigError } from '../../config/setting.ts'
import { describe, Failure } from '../failure.ts'
import { interruptible } from '../interrupt.ts'
import { print, printJson, visible } from '../output.ts'
import { ProgressBar } from '../progress-bar.ts'
import { Api, filePath, type RemoteFile } from '../remote/api.ts'
import { connectionOf } from '../remote/connection.ts'
import type { Profile } from '../remote/profiles.ts'
import { concernsAll, Refusal } from '../remote/refusals.ts'
import { type Input, inputsOf, STDIN } from './inputs.ts'
import { metadataOf, type PutOptions } from './put-options.ts'
import { TusHttp } from './tus-http.ts'
import { UnfinishedUploads } from './unfinished-uploads.ts'
import { SMALL_BYTES, upload } from './upload.ts'
import { type Reading, StoredSource, StreamedSource, type UploadSource } from './upload-source.ts'

const AT_ONCE = 4
/** What was stored; the key may not read what it is. */
type Stored = RemoteFile | { readonly id: string }

export async function put(paths: readonly string[], options: PutOptions): Promise<void> {
  const connection = connectionOf(options)
  const inputs = await inputsOf(paths, options.recursive ?? false)
  if (inputs.filter(({ path }) => path === STDIN).length > 1) throw new ConfigError(['- can be given once.'])
  if (options.name !== undefined && inputs.length > 1) throw new ConfigError(['--name is for one file.'])
  const run = new PutRun(connection, inputs, options)
  await interruptible(
    (signal) => run.all(signal),
    () => run.parting(),
  )
}

class PutRun {
  readonly #connection: Profile
  readonly #api: Api
  readonly #http: TusHttp
  readonly #inputs: readonly Input[]
  readonly #options: PutOptions
  readonly #unfinished = new UnfinishedUploads()
  /** By input; null: it failed. */
  readonly #outcomes: (Stored | null | undefined)[] = []
  #printed = 0

  constructor(connection: Profile, inputs: readonly Input[], options: PutOptions) {
    this.#connection = connection
    this.#api = new Api(connection)
    this.#http = new TusHttp(connection.url)
    this.#inputs = inputs
    this.#options = options
  }

  /** Several at once. What concerns one file alone does not end the others. @throws Failure that would meet all */
  async all(interrupted: AbortSignal): Promise<void> {
    await this.#unfinished.dropStale()
    const failed = new AbortController()
    const signal = AbortSignal.any([interrupted, failed.signal])
    using progress = this.#newProgressBar()
    let next = 0
    const work = async () => {
      while (next < this.#inputs.length && !signal.aborted) await this.#one(next++, signal, progress)
    }
    let failure: unknown
    const workers = Array.from({ length: AT_ONCE }, () =>
      work().catch((error) => {
        // Those that are stopped because of it fail after it.
        if (!signal.aborted) failure = error
        failed.abort()
      }),
    )
    await Promise.all(workers)
    if (failure !== undefined) throw failure
  }

  #newProgressBar(): ProgressBar {
    const { length } = this.#inputs
    const sizes = this.#inputs.map(({ stored }) => stored?.sizeBytes)
    const total = sizes.reduce(
      (sum, size) => (sum === undefined || size === undefined ? undefined : sum + size),
      0,
    )
    return new ProgressBar(total, { label: length > 1 ? `${length} files` : (this.#inputs[0]?.name ?? '') })
  }

  async #one(index: number, signal: AbortSignal, progress: ProgressBar): Promise<void> {
    const input = this.#inputs[index] as Input
    try {
      this.#outcomes[index] = await this.#upload(input, signal, progress)
    } catch (error) {
      if (signal.aborted || concernsAll(error) || this.#inputs.length === 1) throw error
      this.#outcomes[index] = null
      process.exitCode = 1
      progress.aside(() => process.stderr.write(`error: ${sentenceOf(input, error)}\n`))
    }
    progress.aside(() => this.#printInOrder())
  }

  async #upload(input: Input, signal: AbortSignal, progress: ProgressBar): Promise<Stored> {
    const source = await sourceOf(input, readingOf(progress))
    const metadata = metadataOf(this.#options.name ?? input.name, this.#options)
    const id = await upload(
      {
        connection: this.#connection,
        http: this.#http,
        unfinished: this.#unfinished,
        signal,
        onWait: () => progress.note('waiting for the server'),
      },
      { source, metadata, fingerprint: this.#fingerprintOf(input) },
    )
    return this.#verified(id, input, source.sha256())
  }

  /** Of what the command would create: the same file, as it is now, in the same place. */
  #fingerprintOf({ path, name, stored }: Input): string | undefined {
    if (stored === undefined || stored.sizeBytes <= SMALL_BYTES) return undefined
    const { url, key } = this.#connection
    const { project, purpose, label, expires } = this.#options
    const asked = [this.#options.name ?? name, project, purpose, label, expires]
    const text = JSON.stringify([url, key, resolve(path), stored, asked])
    return createHash('sha256').update(text).digest('hex')
  }

  /** The file as the server has it; it is deleted if its bytes may be of two states of the file here. @throws Failure */
  async #verified(id: string, input: Input, sha256: string): Promise<Stored> {
    const isChanged = await hasChanged(input)
    const file = await this.#readable(id)
    const isRight = !('sha256' in file) || file.sha256 === null || file.sha256 === sha256
    if (isRight && !isChanged) return file
    const isGone = await this.#deleted(id)
    const sent = isGone ? 'is deleted again' : `stays as ${id}, because this key may not delete it`
    throw new Failure(
      `The file changed while it was uploaded: what was sent ${sent}. Run the same command once more.`,
    )
  }

  /** Of a file that the key may not read, the id alone. */
  async #readable(id: string): Promise<Stored> {
    try {
      return await this.#api.getFile(id)
    } catch (error) {
      if (error instanceof Refusal && error.status === 403) return { id }
      throw error
    }
  }

  /** @returns false if the key may not */
  async #deleted(id: string): Promise<boolean> {
    try {
      await this.#api.json('DELETE', filePath(id))
      return true
    } catch (error) {
      if (error instanceof Refusal && error.status === 403) return false
      throw error
    }
  }

  /** In the order of the command, whichever came first. */
  #printInOrder(): void {
    for (; this.#outcomes[this.#printed] !== undefined; this.#printed++) {
      const stored = this.#outcomes[this.#printed]
      if (stored) this.#options.json ? printJson(stored) : print(stored.id)
    }
  }

  /** After Ctrl-C. */
  parting(): string {
    const canGoOn = this.#inputs.some((input) => this.#fingerprintOf(input) !== undefined)
    return canGoOn ? 'Interrupted. The same command goes on from here, within the hour.' : 'Interrupted.'
  }
}

/** Of one file among several: with its path, which what the system says begins with anyway. */
function sentenceOf({ path }: Input, error: unknown): string {
  const sentence = describe(error, 'command')
  return sentence.startsWith(path) ? visible(sentence) : `${visible(path)}: ${sentence}`
}

function sourceOf({ path, stored }: Input, reading: Reading): Promise<UploadSource> | UploadSource {
  if (stored !== undefined) return StoredSource.open(path, stored.sizeBytes, reading)
  return new StreamedSource(path === STDIN ? process.stdin : createReadStream(path), reading)
}

/** What was read then is of two states, or ends too early. A file that is gone was read to its end all the same. */
async function hasChanged({ path, stored }: Input): Promise<boolean> {
  const now = stored && (await stat(path).catch(() => undefined))
  return now !== undefined && (now.size !== stored?.sizeBytes || now.mtimeMs !== stored.modifiedMs)
}

/** Moves the bar by what one file does. */
function readingOf(progress: ProgressBar): Reading {
  let end = 0
  return {
    from: (offset) => {
      if (offset !== end) progress.skip(offset - end)
      end = offset
    },
    again: () => progress.note('reading what was sent'),
    read: (bytes) => {
      progress.add(bytes)
      end += bytes
    },
  }
}
