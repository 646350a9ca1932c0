import { createHash, type Hash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'

export interface HexDigests {
  readonly sha256: string
  readonly md5: string
}

/** Hash the first `byteLength` bytes of `slab` next; or tell the digests; or forget the body. */
export type DigestRequest =
  | { readonly kind: 'add'; readonly body: number; readonly slab: ArrayBuffer; readonly byteLength: number }
  | { readonly kind: 'finish' | 'drop'; readonly body: number }

/** Every request is answered, in order. `added` gives the slab back. */
export type DigestAnswer =
  | { readonly kind: 'added'; readonly body: number; readonly slab: ArrayBuffer }
  | { readonly kind: 'finished'; readonly body: number; readonly digests: HexDigests }
  | { readonly kind: 'dropped'; readonly body: number }

const bodies = new Map<number, { readonly sha256: Hash; readonly md5: Hash }>()

parentPort?.on('message', (request: DigestRequest) => {
  const answer = answerTo(request)
  parentPort?.postMessage(answer, answer.kind === 'added' ? [answer.slab] : [])
})

function answerTo(request: DigestRequest): DigestAnswer {
  const { kind, body } = request
  const { sha256, md5 } = bodies.get(body) ?? { sha256: createHash('sha256'), md5: createHash('md5') }
  if (kind === 'add') {
    const bytes = new Uint8Array(request.slab, 0, request.byteLength)
    sha256.update(bytes)
    md5.update(bytes)
    bodies.set(body, { sha256, md5 })
    return { kind: 'added', body, slab: request.slab }
  }
  bodies.delete(body)
  if (kind === 'drop') return { kind: 'dropped', body }
  return { kind: 'finished', body, digests: { sha256: sha256.digest('hex'), md5: md5.digest('hex') } }
}
