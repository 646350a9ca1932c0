import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { link, lstat, readdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { StoreError } from '../../core/errors.ts'
import {
  BLOB_KEY,
  type BlobEntry,
  type BlobKey,
  type BlobStore,
  type ByteRange,
} from '../../core/ports/blob-store.ts'
import { failureOf, type WatchCall, watched } from '../../core/watch-call.ts'
import {
  DiskFile,
  DiskSpace,
  type DiskSpaceOptions,
  ensureFolder,
  errnoOf,
  onDisk,
  syncFolder,
  unlessMissing,
} from './disk.ts'
import { FileBytes } from './file-bytes.ts'

const SHARD = /^[0-9a-f]{2}$/
/** How far writing may run ahead of the disk: it keeps the last sync of a large body short. */
const WRITEBACK_BYTES = 32 * 1024 * 1024

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants
/** Options of small files, which are written and synced in one call. */
const NEW_FILE = { mode: 0o600, flush: true, flag: O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY } as const
const REPLACED_FILE = { ...NEW_FILE, flag: O_CREAT | O_TRUNC | O_NOFOLLOW | O_WRONLY } as const

export interface DiskBlobStoreOptions extends DiskSpaceOptions {
  /** Where a proxy serves the folder `blobs`; ends with a slash. */
  readonly proxyPrefix?: string | undefined
  /** Told of each blob that is stored, with the time that its body takes, or opened. */
  readonly watch?: WatchCall | undefined
}

/**
 * Blobs as files of one local file system: written to `staging/<key>`, then moved to `blobs/<2 hex>/<key>`, which holds
 * whole and synced blobs only. The staging file, created exclusively, is also the lock on its key. Each shard is made
 * with its first blob: to make all 256 takes some file systems 0.2 s, the longest part of a first start.
 */
export class DiskBlobStore implements BlobStore {
  readonly #staging: string
  readonly #blobs: string
  readonly #owner: string
  readonly #space: DiskSpace
  readonly #watch: WatchCall
  /** Shards whose names are on the disk: a blob in one of them cannot vanish with its folder. */
  readonly #durableShards: Set<string>
  readonly proxyPathOf: ((key: BlobKey) => string) | undefined

  private constructor(folder: string, shards: readonly string[], options: DiskBlobStoreOptions) {
    this.#staging = join(folder, 'staging')
    this.#blobs = join(folder, 'blobs')
    this.#owner = join(folder, 'STORE')
    this.#space = new DiskSpace(folder, options)
    this.#watch = options.watch ?? (() => undefined)
    this.#durableShards = new Set(shards)
    const { proxyPrefix } = options
    if (proxyPrefix !== undefined) this.proxyPathOf = (key) => `${proxyPrefix}${key.slice(0, 2)}/${key}`
  }

  /**
   * Prepares the folders, durably; touches nothing that exists.
   * @throws StoreError `unavailable`, `full`; `refused` if staging and blobs are on different file systems
   */
  static async open(folder: string, options: DiskBlobStoreOptions = {}): Promise<DiskBlobStore> {
    const shards = await onDisk(`prepare the blob folders in ${folder}`, preparedShards(folder))
    return new DiskBlobStore(folder, shards, options)
  }

  put(key: BlobKey, body: AsyncIterable<Uint8Array>): Promise<{ readonly sizeBytes: number }> {
    return watched(this.#watch, 'put', this.#put(key, body), failureOf)
  }

  async #put(key: BlobKey, body: AsyncIterable<Uint8Array>): Promise<{ readonly sizeBytes: number }> {
    const staged = this.#stagedPath(key)
    const file = await DiskFile.create(staged, this.#space)
    try {
      if (await onDisk('look for the blob', unlessMissing(lstat(this.#publishedPath(key)))))
        throw new StoreError('refused', 'there is a blob of this key already')
      await write(file, body)
      await file.close()
      await onDisk('publish the blob', this.#publish(key, staged))
      return { sizeBytes: file.sizeBytes }
    } catch (error) {
      await file.close().catch(() => {})
      await unlink(staged).catch(() => {})
      throw error
    }
  }

  /** Only the owner of the staging file comes here, so nobody else can create the target meanwhile. */
  async #publish(key: BlobKey, staged: string): Promise<void> {
    const path = this.#publishedPath(key)
    const shard = key.slice(0, 2)
    if (!this.#durableShards.has(shard)) {
      await ensureFolder(dirname(path))
      // Another process may have made it, and not synced it yet.
      await syncFolder(this.#blobs)
      this.#durableShards.add(shard)
    }
    await rename(staged, path)
    try {
      await syncFolder(dirname(path))
    } catch (error) {
      await unlink(path).catch(() => {})
      throw error
    }
  }

  open(key: BlobKey, range?: ByteRange): Promise<Readable> {
    return watched(this.#watch, 'open', this.#open(key, range), failureOf)
  }

  async #open(key: BlobKey, range?: ByteRange): Promise<Readable> {
    const file = await DiskFile.open(this.#publishedPath(key), this.#space)
    const { first, last } = range ?? { first: 0, last: file.sizeBytes - 1 }
    if (last < file.sizeBytes) return new FileBytes(file, { first, end: last + 1 })
    await file.close().catch(() => {})
    throw new StoreError('missing', 'the blob is too short for this range')
  }

  async delete(key: BlobKey): Promise<void> {
    const paths = [this.#stagedPath(key), this.#publishedPath(key)]
    for (const path of paths) await onDisk('delete the blob', removeDurably(path))
  }

  async *list(): AsyncIterable<BlobEntry> {
    yield* this.#listFolder(this.#staging, false)
    const names = await onDisk('list the blobs', readdir(this.#blobs))
    for (const shard of names.sort())
      if (SHARD.test(shard)) yield* this.#listFolder(join(this.#blobs, shard), true)
  }

  /** Skips files that vanish meanwhile, and names that are no keys. */
  async *#listFolder(folder: string, published: boolean): AsyncIterable<BlobEntry> {
    for (const key of await onDisk('list the blobs', readdir(folder))) {
      if (!BLOB_KEY.test(key)) continue
      const found = await onDisk('list the blobs', unlessMissing(lstat(join(folder, key))))
      if (found) yield { key, sizeBytes: found.size, published }
    }
  }

  hasRoomFor(sizeBytes: number): Promise<boolean> {
    return this.#space.has(sizeBytes)
  }

  isShort(): Promise<boolean> {
    return this.#space.isShort()
  }

  async owner(): Promise<string | undefined> {
    const found = await onDisk('read the owner of the blobs', unlessMissing(readFile(this.#owner, 'utf8')))
    return found?.trim()
  }

  async claim(storeId: string): Promise<string> {
    return (await this.owner()) ?? onDisk('claim the blob folder', this.#claim(storeId))
  }

  /** Of two that claim at once one wins: a link, unlike a rename, replaces nothing. */
  async #claim(storeId: string): Promise<string> {
    const temporary = `${this.#owner}.${randomBytes(8).toString('hex')}`
    try {
      await writeFile(temporary, `${storeId}\n`, NEW_FILE)
      await link(temporary, this.#owner)
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
    } finally {
      await unlessMissing(unlink(temporary))
    }
    await syncFolder(dirname(this.#owner))
    return (await readFile(this.#owner, 'utf8')).trim()
  }

  async check(): Promise<void> {
    const path = join(this.#staging, 'check')
    const written = writeFile(path, 'check\n', REPLACED_FILE).finally(() => unlessMissing(unlink(path)))
    await onDisk('store a blob', written)
  }

  #stagedPath(key: BlobKey): string {
    return join(this.#staging, checkedKey(key))
  }

  #publishedPath(key: BlobKey): string {
    return join(this.#blobs, checkedKey(key).slice(0, 2), key)
  }
}

/** @returns the names in `blobs/`, durable */
async function preparedShards(folder: string): Promise<string[]> {
  const [staging, blobs] = [join(folder, 'staging'), join(folder, 'blobs')]
  await ensureFolder(staging)
  await ensureFolder(blobs)
  const names = await readdir(blobs)
  // A crash may have kept them from being durable.
  await syncFolder(blobs)
  const [{ dev }, { dev: target }] = await Promise.all([stat(staging), stat(blobs)])
  if (dev === target) return names
  throw new StoreError('refused', 'staging and blobs must be folders of one file system')
}

/** Writes a body and syncs it. Nothing is in flight on the file once the promise settles. */
async function write(file: DiskFile, body: AsyncIterable<Uint8Array>): Promise<void> {
  let syncedBytes = 0
  let syncing: Promise<void> = Promise.resolve()
  try {
    for await (const chunk of body) {
      await file.append(chunk)
      if (file.sizeBytes - syncedBytes < WRITEBACK_BYTES) continue
      await syncing
      syncedBytes = file.sizeBytes
      syncing = file.sync()
      // The next await of it throws its failure; until then it must not count as unhandled.
      syncing.catch(() => {})
    }
  } finally {
    await syncing.catch(() => {})
  }
  await syncing
  await file.sync()
}

async function removeDurably(path: string): Promise<void> {
  if (await unlessMissing(unlink(path).then(() => true))) await syncFolder(dirname(path))
}

/** A key becomes part of a path, which must not lead out of the folder. */
function checkedKey(key: BlobKey): BlobKey {
  if (!BLOB_KEY.test(key)) throw new StoreError('refused', 'a blob key has 32 lower-case hex characters')
  return key
}
