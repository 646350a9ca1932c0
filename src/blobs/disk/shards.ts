import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureFolder, syncFolder } from './folder.ts'

const SHARD_PATTERN = /^[0-9a-f]{2}$/

/**
 * The folders that blobs are spread over, by the first two characters of their keys. Each is made with its first blob: to make
 * all 256 takes some file systems 0.2 s, the longest part of a first start.
 */
export class DiskShards {
  readonly #folder: string
  /** Those whose names are on the disk: what is put there cannot vanish with its folder. */
  readonly #durable: Set<string>
  readonly #making = new Map<string, Promise<void>>()

  private constructor(folder: string, durable: Set<string>) {
    this.#folder = folder
    this.#durable = durable
  }

  /** Makes the folder of the shards if it is not there. */
  static async open(folder: string): Promise<DiskShards> {
    await ensureFolder(folder)
    const present = await readdir(folder)
    // Who made them may have crashed before they were durable.
    await syncFolder(folder)
    return new DiskShards(folder, new Set(present))
  }

  pathOf(key: string): string {
    return join(this.#folder, shardOf(key), key)
  }

  /** Undefined: the shard of the key is there, and durable. */
  prepareFor(key: string): Promise<void> | undefined {
    const shard = shardOf(key)
    if (this.#durable.has(shard)) return undefined
    const making = this.#making.get(shard) ?? this.#make(shard).finally(() => this.#making.delete(shard))
    this.#making.set(shard, making)
    return making
  }

  async #make(shard: string): Promise<void> {
    await ensureFolder(join(this.#folder, shard))
    // Another process may have made it, and not synced it yet.
    await syncFolder(this.#folder)
    this.#durable.add(shard)
  }

  /** The paths of those that are there, in the order of the keys. */
  async paths(): Promise<readonly string[]> {
    const names = (await readdir(this.#folder)).filter((name) => SHARD_PATTERN.test(name))
    return names.sort().map((name) => join(this.#folder, name))
  }
}

function shardOf(key: string): string {
  return key.slice(0, 2)
}
