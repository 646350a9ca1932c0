import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, link, lstat, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { closingAfter } from '../../core/closing.ts'
import { StoreError } from '../../core/errors.ts'
import type { BlobEntry, BlobKey, BlobStore, ByteRange, PutOptions } from '../../core/ports/blob-store.ts'
import { abortedError } from '../s3/until-aborted.ts'
import { diskError, errnoOf, onDisk, unlessMissing } from './errors.ts'
import { ensureFolder, syncFolder } from './folder.ts'
import { FileBytes } from './read.ts'
import { DiskShards } from './shards.ts'
import { BodyRoom, DiskSpace, type DiskSpaceOptions } from './space.ts'
import { writeAll, writeBody } from './write.ts'

const KEY_PATTERN = /^[0-9a-f]{32}$/

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_TRUNC, O_WRONLY } = constants

/**
 * Blobs as files of one local file system: written to `staging/<key>`, then moved to `blobs/<2 hex>/<key>`, where
 * only whole and synced blobs ever are. The staging file, created exclusively, is also the lock on its key.
 */
export class DiskBlobStore implements BlobStore {
  readonly #folder: string
  readonly #staging: string
  readonly #shards: DiskShards
  readonly #space: DiskSpace

  private constructor(folder: string, shards: DiskShards, options: DiskSpaceOptions) {
    this.#folder = folder
    this.#staging = stagingIn(folder)
    this.#shards = shards
    this.#space = new DiskSpace(folder, options)
  }

  /**
   * Prepares the folders, durably; touches nothing that exists.
   * @throws StoreError `unavailable`, `full`; `refused` if staging and blobs are on different file systems
   */
  static async open(folder: string, options: DiskSpaceOptions = {}): Promise<DiskBlobStore> {
    const shards = await onDisk(`prepare the blob folders in ${folder}`, preparedShards(folder))
    return new DiskBlobStore(folder, shards, options)
  }

  async put(
    key: BlobKey,
    body: AsyncIterable<Uint8Array>,
    options: PutOptions = {},
  ): Promise<{ readonly sizeBytes: number }> {
    const { signal } = options
    const staged = this.#stagedPath(key)
    if (signal?.aborted) throw abortedError(signal)
    const sizeBytes = await this.#stage(key, body, signal)
    try {
      if (signal?.aborted) throw abortedError(signal)
      await onDisk('publish the blob', this.#publish(key))
    } catch (error) {
      await unlink(staged).catch(() => {})
      throw error
    }
    return { sizeBytes }
  }

  /** Resolves once the whole body is on the disk under its staging name; otherwise leaves nothing there. */
  async #stage(key: BlobKey, body: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<number> {
    const path = this.#stagedPath(key)
    const file = await onDisk('create the blob', open(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600))
    const write = async () => {
      if (await onDisk('look for the blob', unlessMissing(lstat(this.#publishedPath(key))))) {
        throw new StoreError('refused', 'there is a blob of this key already')
      }
      using room = new BodyRoom(this.#space)
      return await writeBody(file, body, room, signal)
    }
    try {
      // What close reports may be bytes that did not reach the disk (close(2)).
      return await closingAfter(() => onDisk('close the blob', file.close()), write)
    } catch (error) {
      await unlink(path).catch(() => {})
      throw error
    }
  }

  /** Only the owner of the staging file comes here, so nobody else can create the target meanwhile. */
  async #publish(key: BlobKey): Promise<void> {
    const path = this.#publishedPath(key)
    const preparing = this.#shards.prepareFor(key)
    if (preparing) await preparing
    await rename(this.#stagedPath(key), path)
    try {
      await syncFolder(dirname(path))
    } catch (error) {
      await unlink(path).catch(() => {})
      throw error
    }
  }

  async open(key: BlobKey, range?: ByteRange): Promise<Readable> {
    let file: FileHandle
    try {
      file = await open(this.#publishedPath(key), O_RDONLY | O_NOFOLLOW)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') throw new StoreError('missing', 'there is no blob of this key', error)
      throw diskError('open the blob', error)
    }
    const last = await onDisk('measure the blob', lastPosition(file))
    if (range && range.last > (last ?? -1)) {
      await file.close().catch(() => {})
      throw new StoreError('missing', 'the blob is too short for this range')
    }
    return new FileBytes(file, range ?? (last === undefined ? undefined : { first: 0, last }))
  }

  async delete(key: BlobKey): Promise<void> {
    const paths = [this.#stagedPath(key), this.#publishedPath(key)]
    for (const path of paths) await onDisk('delete the blob', removeDurably(path))
  }

  async *list(): AsyncIterable<BlobEntry> {
    yield* this.#listFolder(this.#staging, false)
    const shards = await onDisk('list the blobs', this.#shards.paths())
    for (const shard of shards) yield* this.#listFolder(shard, true)
  }

  /** What vanishes meanwhile is left out. Other names than keys are none of ours. */
  async *#listFolder(folder: string, published: boolean): AsyncIterable<BlobEntry> {
    const names = await onDisk('list the blobs', readdir(folder))
    for (const key of names) {
      if (!KEY_PATTERN.test(key)) continue
      const found = await onDisk('list the blobs', sizeOf(join(folder, key)))
      if (found !== undefined) yield { key, sizeBytes: found, published }
    }
  }

  hasRoomFor(sizeBytes: number): Promise<boolean> {
    return this.#space.has(sizeBytes)
  }

  isShort(): Promise<boolean> {
    return this.#space.isShort()
  }

  async owner(): Promise<string | undefined> {
    return onDisk('read the owner of the blob folder', readIfThere(join(this.#folder, 'STORE')))
  }

  async claim(storeId: string): Promise<string> {
    const path = join(this.#folder, 'STORE')
    return onDisk('claim the blob folder', readOrCreate(path, storeId))
  }

  async check(): Promise<void> {
    await onDisk('store a blob', this.#tryWriting())
  }

  async #tryWriting(): Promise<void> {
    const path = join(this.#staging, 'check')
    const file = await open(path, O_CREAT | O_TRUNC | O_WRONLY | O_NOFOLLOW, 0o600)
    const write = async () => {
      await writeAll(file, Buffer.from('check\n'), 0)
      await file.datasync()
    }
    await closingAfter(
      () => unlessMissing(unlink(path)),
      () => closingAfter(() => file.close(), write),
    )
  }

  #stagedPath(key: BlobKey): string {
    return join(this.#staging, checkedKey(key))
  }

  #publishedPath(key: BlobKey): string {
    return this.#shards.pathOf(checkedKey(key))
  }
}

function stagingIn(folder: string): string {
  return join(folder, 'staging')
}

async function preparedShards(folder: string): Promise<DiskShards> {
  const blobs = join(folder, 'blobs')
  await ensureFolder(stagingIn(folder))
  const shards = await DiskShards.open(blobs)
  const [staging, published] = await Promise.all([stat(stagingIn(folder)), stat(blobs)])
  if (staging.dev === published.dev) return shards
  throw new StoreError('refused', 'staging and blobs must be folders of one file system')
}

/** A key becomes part of a path: whatever else goes wrong, it must not lead out of the folder. */
function checkedKey(key: BlobKey): BlobKey {
  if (!KEY_PATTERN.test(key)) throw new StoreError('refused', 'a blob key has 32 lower-case hex characters')
  return key
}

/** Undefined for an empty file. */
async function lastPosition(file: FileHandle): Promise<number | undefined> {
  try {
    const { size } = await file.stat()
    return size > 0 ? size - 1 : undefined
  } catch (error) {
    await file.close().catch(() => {})
    throw error
  }
}

async function removeDurably(path: string): Promise<void> {
  if (await unlessMissing(unlink(path))) await syncFolder(dirname(path))
}

async function sizeOf(path: string): Promise<number | undefined> {
  let sizeBytes: number | undefined
  await unlessMissing(
    lstat(path).then((found) => {
      sizeBytes = found.size
    }),
  )
  return sizeBytes
}

/** What the file says. If there is none it says `content` from now on, durably; of two callers one wins. */
async function readOrCreate(path: string, content: string): Promise<string> {
  const temporary = `${path}.${randomBytes(8).toString('hex')}`
  if (!(await unlessMissing(lstat(path)))) {
    const file = await open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600)
    const write = async () => {
      await writeAll(file, Buffer.from(`${content}\n`), 0)
      await file.sync()
    }
    await closingAfter(
      () => unlink(temporary),
      async () => {
        await closingAfter(() => file.close(), write)
        await link(temporary, path).catch((error) => {
          if (errnoOf(error) !== 'EEXIST') throw error
        })
      },
    )
    await syncFolder(dirname(path))
  }
  return (await readFile(path, 'utf8')).trim()
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}
