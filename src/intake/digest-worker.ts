import { parentPort } from 'node:worker_threads'
import { type FurtherDigests, type HexDigests, type RunningDigest, startDigest } from './digests.ts'

/** Get ready for a body; hash the first `byteLength` bytes of `slab` next; tell the digests; or forget the body. */
export type DigestRequest =
  | { readonly kind: 'open'; readonly body: number; readonly further: FurtherDigests }
  | { readonly kind: 'add'; readonly body: number; readonly slab: ArrayBuffer; readonly byteLength: number }
  | { readonly kind: 'finish' | 'drop'; readonly body: number }

/** Every request but `open` is answered, in order. `added` gives the slab back. */
export type DigestAnswer =
  | { readonly kind: 'added'; readonly body: number; readonly slab: ArrayBuffer }
  | { readonly kind: 'finished'; readonly body: number; readonly digests: HexDigests }
  | { readonly kind: 'dropped'; readonly body: number }

/** Of each body, its digests by algorithm. */
const bodies = new Map<number, ReadonlyMap<string, RunningDigest>>()

parentPort?.on('message', (request: DigestRequest) => {
  const { kind, body } = request
  if (kind === 'open') {
    const algorithms = ['sha256', ...request.further] as const
    bodies.set(body, new Map(algorithms.map((algorithm) => [algorithm, startDigest(algorithm)])))
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
  for (const digest of bodies.get(body)?.values() ?? []) digest.update(bytes)
}

function end(body: number): HexDigests | undefined {
  const digests = bodies.get(body)
  bodies.delete(body)
  if (digests === undefined) return undefined
  return Object.fromEntries(
    [...digests].map(([algorithm, digest]) => [algorithm, digest.end()]),
  ) as HexDigests
}
