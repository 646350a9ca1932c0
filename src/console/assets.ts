import { readdir, readFile } from 'node:fs/promises'
import { extname, sep } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

/** Encodings of an asset, the preferred one first. */
export const ENCODINGS = ['br', 'gzip'] as const
export type Encoding = (typeof ENCODINGS)[number]

/** What the build writes; a file of any other kind is not served. */
const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.wasm': 'application/wasm',
  '.bcmap': 'application/octet-stream',
}
/** Nearly as small as the best, in a tenth of its time. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 7 } }

const compress: Readonly<Record<Encoding, (bytes: Buffer) => Promise<Buffer>>> = {
  br: (bytes) => promisify(brotliCompress)(bytes, BROTLI),
  gzip: promisify(gzip),
}

/** The built console. Nothing is read until it is asked for; then it stays in memory, in each encoding that was sent. */
export class ConsoleAssets {
  readonly #folder: URL
  readonly #contents = new Map<string, Promise<Buffer>>()
  #names: Promise<ReadonlySet<string>> | undefined

  /** @param folder with a slash at its end */
  constructor(folder: URL) {
    this.#folder = folder
  }

  /** The page that loads all else; undefined if the console has not been built. */
  async page(): Promise<string | undefined> {
    try {
      return String(await this.#kept('index.html', () => readFile(new URL('index.html', this.#folder))))
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  /** The type of an asset by its name, undefined if there is none: names are a closed list, with `/` where one is in a folder. */
  async typeOf(name: string): Promise<string | undefined> {
    this.#names ??= this.#list()
    return (await this.#names).has(name) ? TYPES[extname(name)] : undefined
  }

  /** @param name of an asset that has a type */
  read(name: string, encoding?: Encoding): Promise<Buffer> {
    const plain = this.#kept(name, () => readFile(new URL(`assets/${name}`, this.#folder)))
    if (encoding === undefined) return plain
    return this.#kept(`${encoding} ${name}`, async () => compress[encoding](await plain))
  }

  /** Failures are not kept. */
  #kept(key: string, make: () => Promise<Buffer>): Promise<Buffer> {
    const kept = this.#contents.get(key)
    if (kept !== undefined) return kept
    const made = make()
    made.catch(() => this.#contents.delete(key))
    this.#contents.set(key, made)
    return made
  }

  async #list(): Promise<ReadonlySet<string>> {
    try {
      const names = await readdir(new URL('assets/', this.#folder), { recursive: true })
      return new Set(names.map((name) => name.replaceAll(sep, '/')))
    } catch (error) {
      this.#names = undefined
      if (isMissing(error)) return new Set()
      throw error
    }
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}
