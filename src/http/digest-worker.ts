import { createHash, type Hash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'

export interface HexDigests {
  readonly sha256: string
  readonly md5: string
}

/** Begin a body whose bytes will lie in `memory`; hash the next piece of it; tell the digests; or forget it. */
export type DigestRequest =
  | { readonly kind: 'open'; readonly body: number; readonly memory: SharedArrayBuffer }
  | { readonly kind: 'add'; readonly body: number; readonly offset: number; readonly byteLength: number }
  | { readonly kind: 'finish' | 'drop'; readonly body: number }

/** Answers come in the order of the requests. After `added` that piece of the memory may be overwritten. */
export type DigestAnswer =
  | { readonly kind: 'added' | 'dropped'; readonly body: number }
  | { readonly kind: 'finished'; readonly body: number; readonly digests: HexDigests }

interface OpenBody {
  readonly memory: SharedArrayBuffer
  readonly sha256: Hash
  readonly md5: Hash
}

const bodies = new Map<number, OpenBody>()

parentPort?.on('message', (request: DigestRequest) => {
  const { body } = request
  if (request.kind === 'open') {
    bodies.set(body, { memory: request.memory, sha256: createHash('sha256'), md5: createHash('md5') })
    return
  }
  const open = bodies.get(body)
  if (open === undefined) return
  parentPort?.postMessage(answerTo(request, open))
})

function answerTo(request: Exclude<DigestRequest, { kind: 'open' }>, open: OpenBody): DigestAnswer {
  const { body } = request
  const { memory, sha256, md5 } = open
  if (request.kind === 'add') {
    const bytes = new Uint8Array(memory, request.offset, request.byteLength)
    sha256.update(bytes)
    md5.update(bytes)
    return { kind: 'added', body }
  }
  bodies.delete(body)
  if (request.kind === 'drop') return { kind: 'dropped', body }
  return { kind: 'finished', body, digests: { sha256: sha256.digest('hex'), md5: md5.digest('hex') } }
}
