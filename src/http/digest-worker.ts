import { createHash, type Hash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'

/** SHA-256 is always computed. */
export interface WantedDigests {
  readonly md5: boolean
}

export interface HexDigests {
  readonly sha256: string
  readonly md5: string | null
}

/** Get ready for a body; hash the first `byteLength` bytes of `slab` next; tell the digests; or forget the body. */
export type DigestRequest =
  | { readonly kind: 'open'; readonly body: number; readonly wanted: WantedDigests }
  | { readonly kind: 'add'; readonly body: number; readonly slab: ArrayBuffer; readonly byteLength: number }
  | { readonly kind: 'finish' | 'drop'; readonly body: number }

/** Every request but `open` is answered, in order. `added` gives the slab back. */
export type DigestAnswer =
  | { readonly kind: 'added'; readonly body: number; readonly slab: ArrayBuffer }
  | { readonly kind: 'finished'; readonly body: number; readonly digests: HexDigests }
  | { readonly kind: 'dropped'; readonly body: number }

const bodies = new Map<number, { readonly sha256: Hash; readonly md5: Hash | undefined }>()

parentPort?.on('message', (request: DigestRequest) => {
  const { kind, body } = request
  if (kind === 'open') {
    bodies.set(body, {
      sha256: createHash('sha256'),
      md5: request.wanted.md5 ? createHash('md5') : undefined,
    })
  } else if (kind === 'add') {
    add(body, new Uint8Array(request.slab, 0, request.byteLength))
    answer({ kind: 'added', body, slab: request.slab }, [request.slab])
  } else {
    const digests = end(body)
    answer(kind === 'finish' && digests ? { kind: 'finished', body, digests } : { kind: 'dropped', body })
  }
})

function answer(message: DigestAnswer, moved: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, moved)
}

function add(body: number, bytes: Uint8Array): void {
  const hashes = bodies.get(body)
  hashes?.sha256.update(bytes)
  hashes?.md5?.update(bytes)
}

function end(body: number): HexDigests | undefined {
  const hashes = bodies.get(body)
  bodies.delete(body)
  return hashes && { sha256: hashes.sha256.digest('hex'), md5: hashes.md5?.digest('hex') ?? null }
}
