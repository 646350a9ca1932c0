import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { BlobEntry, BlobKey, BlobStore, ByteRange } from '../core/ports/blob-store.ts'

export function newKey(): BlobKey {
  return randomBytes(16).toString('hex')
}

export async function read(store: BlobStore, key: BlobKey, range?: ByteRange): Promise<Buffer> {
  return collect(await store.open(key, range))
}

/** All entries, sorted by key. */
export async function listed(store: BlobStore): Promise<BlobEntry[]> {
  const entries = await Array.fromAsync(store.list())
  return entries.sort((a, b) => (a.key < b.key ? -1 : 1))
}

export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  // Copies: their memory may be used again.
  return Buffer.concat(await Array.fromAsync(stream, (chunk) => Buffer.from(chunk)))
}

export async function* pieces(...chunks: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk
}

/** Bytes in chunks of the given sizes, over and over. */
export async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let position = 0
  for (let i = 0; position < bytes.byteLength; i++) {
    const end = position + (sizes[i % sizes.length] ?? bytes.byteLength)
    yield bytes.subarray(position, end)
    position = end
  }
}

/** A body that fails after its first chunk. */
export async function* endingWith(failure: Error): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(300_000, 'x')
  await delay(1)
  throw failure
}

/** A body that stops after its first chunk until told to go on, and then ends, or fails. */
export function stalling(text: string, failure?: Error) {
  const stalled = Promise.withResolvers<void>()
  const gone = Promise.withResolvers<void>()
  async function* chunks() {
    yield Buffer.from(text)
    stalled.resolve()
    await gone.promise
    if (failure) throw failure
  }
  return { chunks: chunks(), stalled: stalled.promise, go: () => gone.resolve() }
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
